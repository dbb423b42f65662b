// SPDX-License-Identifier: Apache-2.0
// Window results as flat JSON records, gathered into batches.
//
// {"window_start":…,"window_end":…,<keys>,<aggregates>,"firing":"on-time","revision":0}, and "retracted":true last on a
// withdrawal. A result's event time is window_end - 1 us. Thread rule: one thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/stream/batch.hpp"
#include "lib/stream/operator.hpp"
#include "lib/window/aggregates/plan.hpp"
#include "lib/window/assigner.hpp"

namespace streamutils::window {

enum class Firing : uint8_t { early, on_time, late };
/// "early", "on-time", "late".
std::string_view name(Firing firing);

/// The names of a result's own fields, which neither keys nor aggregates may have.
bool is_result_field(std::string_view name);

class ResultWriter {
 public:
  /// `key_names`: the key fields' names as results show them. `plan` outlives this.
  ResultWriter(const AggregatePlan& plan, const std::vector<std::string>& key_names, TimeFormat format);

  /// Results go to `out` under `unit` until the next call. REQUIRES: nothing is held back (see flush()).
  void begin(Output& out, UnitId unit);
  /// Adds one result. A failure to write is kept for flush(); until then nothing more is written.
  void result(std::string_view key, Interval window, const char* row, Firing firing, uint32_t revision);
  /// The aggregates of the last result(), as a withdrawal takes them; until the next call.
  [[nodiscard]] std::string_view aggregates() const { return aggregates_; }
  /// Adds the withdrawal of an earlier result.
  void withdrawal(std::string_view key, Interval window, std::string_view aggregates, Firing firing, uint32_t revision);
  /// Writes out what is held back. Call it before any other item is written. Returns the first failure since the last
  /// call.
  Status flush();
  [[nodiscard]] uint64_t count() const { return count_; }

 private:
  static constexpr size_t kFlushBytes = 128 * 1024;
  void append(std::string_view key, Interval window, std::string_view aggregates, Firing firing, uint32_t revision,
              bool retracted);
  void append_keys(std::string& text, std::string_view key);
  void write_batch();

  const AggregatePlan& plan_;
  TimeFormat format_;
  std::vector<std::string> key_prefixes_;  // ,"name":
  std::vector<std::string_view> key_parts_;
  expr::Scratch scratch_;
  std::string aggregates_;
  std::string bounds_;  // the bounds of bounds_window_ as text: many keys of one window follow each other
  Interval bounds_window_;
  BatchBuilder builder_;
  Output* out_ = nullptr;
  UnitId unit_ = Units::kStream;
  Status failure_;
  uint64_t count_ = 0;
};

}  // namespace streamutils::window
