// SPDX-License-Identifier: Apache-2.0
// swindow, slow and obvious: every window is a list of its records, every question is asked of all of them. Written
// from the rules of windows, lateness and sessions, without a line of lib/window.
//
// Output is lines of text: "R unit json", "W unit time", "S label reason unit time watermark start end", "E fire", and
// "<word> unit" for what passes.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/property/stream_case.hpp"

namespace streamutils::property {

__extension__ typedef __int128 Wide;  // no sum of times overflows here

inline constexpr Wide kEndOfTime = Wide(1) << 100;
inline constexpr Wide kUnknown = -(Wide(1) << 100);

std::string text(Wide number);

struct ModelRecord {
  Wide time;
  int value;
};

/// What one window of one key holds and has given out.
struct ModelWindow {
  std::string key;
  Wide start = 0, end = 0;
  std::vector<ModelRecord> records;
  int next_revision = 0;
  bool on_time = false;     ///< W has reached its end
  bool changed = false;     ///< since it was last fired
  std::optional<Wide> due;  ///< of a correction under late-fire
  std::string standing;     ///< the last result without its revision, while it stands
  int number = 0;           ///< of counted windows
};

int sum_of(const ModelWindow& window);

/// The windows of one scope.
class ModelScope {
 public:
  ModelScope(const Case& c, std::string unit, std::vector<std::string>& lines)
      : c_(c), unit_(std::move(unit)), lines_(lines) {}

  enum class Fate { kept, late, unassigned, bad_time };
  Fate add(const std::string& key, ModelRecord record, Wide& last_start, Wide& last_end);
  void advance(Wide watermark);
  void tick();
  [[nodiscard]] Wide watermark() const { return watermark_; }

 private:
  [[nodiscard]] bool gone(Wide end) const { return watermark_ == kEndOfTime || watermark_ >= end + c_.lateness; }
  [[nodiscard]] std::vector<std::pair<Wide, Wide>> windows_of(Wide time) const;
  [[nodiscard]] std::vector<std::pair<Wide, Wide>> cumulating_windows_of(Wide time) const;
  Fate add_counted(const std::string& key, ModelRecord record);
  /// Writes windows of one call in order, with those without records between them and others of their key.
  void write(std::vector<std::pair<ModelWindow, std::string>> windows);
  std::vector<ModelWindow> close_gaps(const ModelWindow& window);
  void rank(std::vector<ModelWindow> windows);
  [[nodiscard]] bool wanted(const ModelWindow& window) const;
  Fate add_aligned(const std::string& key, ModelRecord record, Wide& last_start, Wide& last_end);
  Fate add_session(const std::string& key, ModelRecord record, Wide& last_start, Wide& last_end);
  void changed(ModelWindow& window);
  void fire(ModelWindow& window, const std::string& firing, int rank = 0);
  void withdraw(ModelWindow& window);
  [[nodiscard]] std::string result(const ModelWindow& window, const std::string& firing, int rank) const;
  void sort();

  const Case& c_;
  std::string unit_;
  std::vector<std::string>& lines_;
  Wide watermark_ = kUnknown;
  std::vector<ModelWindow> windows_;
  std::map<std::string, std::set<Wide>> written_;               // fill: starts of windows, by key, for ever
  std::map<std::pair<std::string, Wide>, ModelWindow> filled_;  // those without records, as they were written
  std::map<std::string, int> numbers_;                          // of counted windows, the next by key
};

class Model {
 public:
  explicit Model(const Case& c) : c_(c), next_tick_(c.early) {}
  /// Everything that comes out for the case's events.
  std::vector<std::string> run();
  int late = 0, unassigned = 0;

 private:
  struct Unit {
    Wide watermark = kUnknown;
    bool idle = false;
  };
  void handle(const Event& e);
  void record(const Event& e);
  void clock(const Event& e);
  void minimum();
  ModelScope& scope(int unit);

  const Case& c_;
  std::vector<std::string> lines_;
  std::map<std::string, std::unique_ptr<ModelScope>> scopes_;  // by the unit that results have
  std::map<int, Unit> units_;                                  // known ones; scope stream
  Wide minimum_ = kUnknown;
  int64_t clock_ = 0, next_tick_ = 0;
};

std::string unit_name(int unit);

}  // namespace streamutils::property
