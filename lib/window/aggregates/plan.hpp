// SPDX-License-Identifier: Apache-2.0
// The aggregates of one swindow, compiled into a row of accumulators.
//
// A row is plain memory of row_bytes(), aligned to 16: the accumulators side by side, one row for each key and slice. Accumulators that
// several results need are kept once (avg(x), sum(x) and count(x) share theirs; p50(x) and p99(x) share one sketch).
//
// Thread rule: immutable after create(); rows belong to whoever holds them; Scratch is per thread.
// Invariants:
//  1. merge() is associative; merging rows in order of event time gives the row that one pass over all records gives
//     (exact aggregates: identical results; sketches: identical state).
//  2. Results depend only on the records and their order within equal event times.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/time.hpp"
#include "lib/expr/aggregate_list.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::window {

class AggregatePlan {
 public:
  /// Checks function names and arguments. On failure: a usage error with the column and the known names.
  static Result<AggregatePlan> create(expr::AggregateList list);
  ~AggregatePlan();
  AggregatePlan(AggregatePlan&&) noexcept;
  AggregatePlan& operator=(AggregatePlan&&) noexcept;

  [[nodiscard]] size_t row_bytes() const;
  void init(char* row) const;     ///< makes an empty row in raw memory
  void destroy(char* row) const;  ///< ends its life; the memory stays the caller's

  /// Empty when the record can be aggregated, else the reason as a side record carries it ("not_a_number", "number_out_of_range").
  /// Nulls and absent fields are fine: aggregates skip them. `values` by slot of the FieldSet given to parse_aggregates().
  [[nodiscard]] std::string_view check(std::span<const JsonValue> values, expr::Scratch& scratch) const;
  /// Adds one record. REQUIRES: check() was empty.
  void add(char* row, std::span<const JsonValue> values, EventTime time, expr::Scratch& scratch) const;
  /// Folds `other` into `row`; `other` stays as it is.
  void merge(char* row, const char* other) const;
  /// Appends `,"name":value` for each result in order of the list.
  void append_results(std::string& out, const char* row, expr::Scratch& scratch) const;
  /// Result names in order.
  [[nodiscard]] const std::vector<std::string>& names() const;
  /// Memory held by a row beyond row_bytes(): sketches, big decimals. Constant time per accumulator.
  [[nodiscard]] size_t extra_bytes(const char* row) const;

  void save(const char* row, StateWriter& out) const;
  /// Into a row that init() made. False when the bytes are not a saved row of this plan.
  bool load(char* row, StateReader& in) const;
  /// Equal for plans whose rows can be exchanged; readable ("count();sum(latency_ms) where (status >= 500)").
  [[nodiscard]] std::string fingerprint() const;

 private:
  struct Impl;
  explicit AggregatePlan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils::window
