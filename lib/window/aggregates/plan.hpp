// SPDX-License-Identifier: Apache-2.0
// The aggregates of one swindow, compiled into a row of accumulators.
//
// A row is plain memory of row_bytes(), 8-aligned: the accumulators side by side, one row for each key and slice. It
// may be moved with memcpy. Accumulators that several results need are kept once (avg(x), sum(x), stddev(x) and
// count(x) share theirs; p50(x) and p99(x) share one sketch).
//
// Aggregates: registry.cpp has their table; what each computes, and how exactly, is said in its own file here. A record
// in which a field of a call is null or absent is skipped by it. Over no values the counts (count, distinct, rate(),
// the buckets of a histogram) are 0, the others null.
//
// Thread rule: immutable after create(); rows belong to whoever holds them, and while additions are deferred to nobody;
// Scratch is per thread.
// Invariants:
//  1. merge() is associative; merging rows in order of event time gives the row that one pass over all records gives
//     (exact aggregates: identical results; sketches: identical state; mode and topk of more values than they count
//     exactly: within the same error, frequent_items.hpp).
//  2. Results depend only on the records and their order within equal event times.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.hpp"
#include "lib/expr/aggregate_list.hpp"
#include "lib/stream/state.hpp"
#include "lib/window/aggregates/accumulator.hpp"
#include "lib/window/aggregates/deferred.hpp"
#include "lib/window/interval.hpp"

namespace streamutils::window {

/// A state of another kind that an accumulator can be made of, as a part's text names it.
struct PartSource {
  std::string text;
  Conversion convert = nullptr;
};

/// An accumulator of a row where it lies. The views live as long as the plan.
struct RowPart {
  std::string_view text;
  const Accumulator* accumulator = nullptr;
  size_t offset = 0;
  std::span<const PartSource> sources;
};

/// An accumulator of a row, as a saved state names it.
struct PlanPart {
  std::string text;  ///< "moments(x) where (k > 1)": equal texts are equal accumulators
  std::string call;  ///< "stddev(x) where (k > 1)": an aggregate that has this accumulator
  bool operator==(const PlanPart&) const = default;
};

/// The most accumulators that a row has.
inline constexpr size_t kMaxPlanParts = 256;

/// An accumulator by an aggregate that has it, as PlanPart::call, and its text. On failure: it is no aggregate.
struct NamedAccumulator {
  std::string text;
  std::unique_ptr<Accumulator> accumulator;
};
Result<NamedAccumulator> make_accumulator(const std::string& call);

class AggregatePlan {
 public:
  /// Checks function names and arguments; `fields` is the set that parse_aggregates() filled. On failure: a usage error
  /// with the column ("column 3: unknown aggregate 'mean'; known are …").
  static Result<AggregatePlan> create(expr::AggregateList list, const FieldSet& fields);
  /// The same, for rows that a plan with the parts `saved` has saved: load() reads those. A result for which they hold
  /// what it needs goes on from there; the others begin empty. So accumulators may be kept apart that create() would
  /// let results share. On failure also: an unknown part, or too many.
  static Result<AggregatePlan> create(expr::AggregateList list, const FieldSet& fields,
                                      const std::vector<PlanPart>& saved);
  ~AggregatePlan();
  AggregatePlan(AggregatePlan&&) noexcept;
  AggregatePlan& operator=(AggregatePlan&&) noexcept;

  [[nodiscard]] size_t row_bytes() const;
  void init(char* row) const;     ///< makes an empty row in raw memory
  void destroy(char* row) const;  ///< ends its life; the memory stays the caller's

  /// Empty when the record can be aggregated, else the reason as a side record carries it: "not_a_number" (sum, avg,
  /// stddev, pNN of another type), "number_out_of_range" (beyond Decimal's range; for pNN beyond double's),
  /// "not_comparable" (min, max, argmin, … of a boolean, array or object), "value_too_large" (mode, topk, collect: more
  /// than 4 KiB). Values that an aggregate's condition excludes are not
  /// looked at. Nulls and absent fields are fine: aggregates skip them. `values` by slot of the FieldSet given to
  /// parse_aggregates(). What check(), add() and append_results() take from `scratch` they give back.
  [[nodiscard]] std::string_view check(std::span<const JsonValue> values, expr::Scratch& scratch) const {
    return checks_ ? check_values(values, scratch) : std::string_view();
  }
  /// Adds one record. REQUIRES: check() was empty.
  void add(char* row, std::span<const JsonValue> values, EventTime time, expr::Scratch& scratch) const {
    if (only_count_) {
      ++*reinterpret_cast<uint64_t*>(row);
    } else {
      add_values(row, values, time, scratch);
    }
  }
  /// The same for several, in their order. REQUIRES: at most kMostAdditions.
  void add(std::span<const Addition> all, expr::Scratch& scratch) const { add(all, scratch, nullptr); }
  /// The same; what can be put off goes into `deferred`, which has been made by defer().
  void add(std::span<const Addition> all, expr::Scratch& scratch, DeferredAdditions* deferred) const;
  /// For additions that others make; null when there are no others, or none of it is heavy.
  [[nodiscard]] std::unique_ptr<DeferredAdditions> defer(Workers* workers) const;
  /// Folds `other` into `row`; `other` stays as it is. Among equal event times other's records count as arrived later.
  void merge(char* row, const char* other) const;
  /// Appends `,"name":value` for each result in order of the list. `window` is the row's own, empty when it has no
  /// bounds; only rate() reads it.
  void append_results(std::string& out, const char* row, Interval window, expr::Scratch& scratch) const;
  /// Result names in order.
  [[nodiscard]] const std::vector<std::string>& names() const;
  /// Memory held by a row beyond row_bytes(): sketches, big decimals. Constant time per accumulator.
  [[nodiscard]] size_t extra_bytes(const char* row) const;

  /// The accumulators that save() writes, in its order.
  [[nodiscard]] std::vector<PlanPart> parts() const;
  /// The same, where they lie in a row.
  [[nodiscard]] std::vector<RowPart> row_parts() const;
  /// Of a plan made for saved rows: the names of the results that begin empty in them.
  [[nodiscard]] const std::vector<std::string>& begin_empty() const;

  void save(const char* row, StateWriter& out) const;
  /// Into a row that init() made. False when the bytes are not a saved row: of this plan, or of the parts that it was
  /// made for.
  bool load(char* row, StateReader& in) const;
  /// Equal for plans whose rows can be exchanged; readable ("count();sum(latency_ms) where (status >= 500)"). It names
  /// the accumulators in a row, not the results: avg(x) and sum(x) have one fingerprint.
  [[nodiscard]] std::string fingerprint() const;

 private:
  struct Impl;
  static AggregatePlan create(std::unique_ptr<Impl> impl);
  explicit AggregatePlan(std::unique_ptr<Impl> impl);
  std::string_view check_values(std::span<const JsonValue> values, expr::Scratch& scratch) const;
  void add_values(char* row, std::span<const JsonValue> values, EventTime time, expr::Scratch& scratch) const;

  std::unique_ptr<Impl> impl_;
  bool only_count_ = false;  // a row is the one word of an unconditional count()
  bool checks_ = false;
};

}  // namespace streamutils::window
