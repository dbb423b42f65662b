// SPDX-License-Identifier: Apache-2.0
// Partials: the accumulators of a row as a field of a record, so that they travel as NDJSON and are merged elsewhere.
//
// {"window_start":…,"window_end":…,<keys>,"partial":"…","firing":"on-time","revision":0}: the base64 of
//
//   u8   version, 1
//   u32  the lower half of the XXH3 of all that follows
//   i64  start, i64 end of the window, in microseconds: the bounds that count
//   u32  length of the list: PlanPart::call of each accumulator in their order, with zero bytes between them
//   the accumulators, as AggregatePlan::save() writes them
//
// A partial holds what came since the last one of its key and window, so that all of them add up: none is ever
// withdrawn or replaced. What is read may be of another list of aggregates and comes from anywhere.
// Thread rule: one thread.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/json/value.hpp"
#include "lib/window/aggregates/plan.hpp"
#include "lib/window/aggregates/row_loader.hpp"

namespace streamutils::window {

inline constexpr std::string_view kPartialField = "partial";

class PartialWriter {
 public:
  /// `plan` outlives this, and has its accumulators before the first append().
  explicit PartialWriter(const AggregatePlan& plan) : plan_(plan) {}

  /// Appends `,"partial":"…"`.
  void append(std::string& out, const char* row, Interval window);

 private:
  const AggregatePlan& plan_;
  std::string list_;  // empty until the first append()
  std::string bytes_, body_;
};

class PartialReader {
 public:
  /// `plan` outlives this.
  explicit PartialReader(const AggregatePlan& plan);
  ~PartialReader() { clear(); }
  PartialReader(const PartialReader&) = delete;
  PartialReader& operator=(const PartialReader&) = delete;

  /// Reads the field of a record. Empty, or the reason as a side record carries it: "missing_partial" (also what is no
  /// string), "bad_partial" (damaged), "partial_version" (of a later program), "partial_lacks_aggregates" (made for
  /// others).
  std::string_view read(const JsonValue& field);

  // Of what was read last, when that was none of those; until the next read().
  [[nodiscard]] const char* row() const { return row_; }
  [[nodiscard]] Interval window() const { return window_; }

  /// After "partial_lacks_aggregates": what is lacking, "p99(ms)".
  [[nodiscard]] const std::string& lacking() const { return lacking_; }

 private:
  struct Known {
    std::optional<RowLoader> loader;
    std::string lacking;  // else: what; empty when the list is none
  };
  static constexpr size_t kMaxKnown = 64;

  std::string_view read_bytes(std::string_view bytes);
  const Known& known(std::string_view list);
  static Result<RowLoader> make_loader(const AggregatePlan& plan, std::string_view list);
  void clear();

  const AggregatePlan& plan_;
  std::unique_ptr<uint64_t[]> memory_;
  char* row_ = nullptr;  // in memory_; null when there is none
  Interval window_;
  std::string lacking_;
  std::string bytes_, text_;
  std::map<std::string, Known, std::less<>> known_;  // by list; as many programs as write partials have one each
  const std::pair<const std::string, Known>* last_ = nullptr;
};

}  // namespace streamutils::window
