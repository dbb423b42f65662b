// SPDX-License-Identifier: Apache-2.0
// Window results as flat JSON records, gathered into batches.
//
// {"window_start":…,"window_end":…,<keys>,<aggregates>,"firing":"on-time","revision":0}, and "retracted":true last on a
// withdrawal; with counted windows "window_number" after the bounds, with --top "rank" after the aggregates, with
// --partial "partial" in place of the aggregates (partial.hpp). A result's event time is window_end - 1 us; windows
// without bounds have null for them, and their results no event time. With --top the results of a window are gathered
// until one of another window comes, or flush(). Thread rule: one thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/stream/batch.hpp"
#include "lib/stream/operator.hpp"
#include "lib/window/aggregates/plan.hpp"
#include "lib/window/assigner.hpp"
#include "lib/window/partial.hpp"
#include "lib/window/result_shape.hpp"

namespace streamutils::window {

enum class Firing : uint8_t { early, on_time, late };
/// "early", "on-time", "late".
std::string_view name(Firing firing);

class ResultWriter {
 public:
  /// `key_names`: the key fields' names as results show them. `plan` outlives this.
  ResultWriter(const AggregatePlan& plan, const std::vector<std::string>& key_names, ResultShape shape);

  /// Results go to `out` under `unit` until the next call. REQUIRES: nothing is held back (see flush()).
  void begin(Output& out, UnitId unit);
  /// Adds one result, `number` being the window's with counted windows. False when --having does not want it, and
  /// nothing was added. A failure to write is kept for flush(); until then nothing more is written.
  bool result(std::string_view key, Interval window, const char* row, Firing firing, uint32_t revision,
              uint64_t number = 0);
  /// The same for a window without records, on time and for the first time.
  bool filled(std::string_view key, Interval window);
  /// May result() be false, so that an earlier result of the window is wrong?
  [[nodiscard]] bool selects() const { return shape_.having.has_value(); }
  /// The aggregates of the last result() or filled() that was true, as a withdrawal takes them; until the next call.
  [[nodiscard]] std::string_view aggregates() const { return latest_; }
  /// Adds the withdrawal of an earlier result.
  void withdrawal(std::string_view key, Interval window, std::string_view aggregates, Firing firing, uint32_t revision);
  /// Writes out what is held back. Call it before any other item is written. Returns the first failure since the last
  /// call.
  Status flush();
  [[nodiscard]] uint64_t count() const { return count_; }

 private:
  static constexpr size_t kFlushBytes = 128 * 1024;
  struct Rest {  // what stands behind the aggregates
    Firing firing = Firing::on_time;
    uint32_t revision = 0;
    bool retracted = false;
    size_t rank = 0;  // from 1; 0: none
  };
  /// aggregates_ are the result's: writes it when --having wants it, or with --top keeps it for a while.
  bool give(std::string_view key, Interval window, Firing firing, uint32_t revision);
  void append_aggregates(std::string& text, const char* row, Interval window);
  void write_top();
  void append(std::string_view key, Interval window, std::string_view aggregates, const Rest& rest);
  /// What stands before and behind the aggregates.
  void append_head(std::string& text, std::string_view key, Interval window);
  void append_tail(std::string& text, Interval window, const Rest& rest);
  void set_bounds(Interval window);
  void split(std::string_view key);  // into key_parts_
  void write_batch();

  const AggregatePlan& plan_;
  ResultShape shape_;
  PartialWriter partials_;
  std::vector<std::string> key_prefixes_;  // ,"name":
  std::vector<std::string_view> key_parts_;
  expr::Scratch scratch_;
  std::string aggregates_;   // where they are not written in place
  std::string_view latest_;  // see aggregates()
  std::string bounds_;  // of bounds_window_ as text, up to the first key: many keys of one window follow each other
  Interval bounds_window_;
  Interval top_window_;  // of the results that --top keeps
  uint64_t number_ = 0;
  BatchBuilder builder_;
  Output* out_ = nullptr;
  UnitId unit_ = Units::kStream;
  Status failure_;
  uint64_t count_ = 0;
};

}  // namespace streamutils::window
