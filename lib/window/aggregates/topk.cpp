// SPDX-License-Identifier: Apache-2.0
// topk(f, n): the n most frequent values and how often each was there, [{"value":"a","count":7},…], the most frequent
// first; among equal counts numbers by value come before strings by their bytes, and these before other values by their
// text. mode(f): the first of them alone (MODE of DuckDB and PostgreSQL). Values are told apart and written as by
// distinct: in canonical form. Null over no values.
//
// Exact up to 4,096 different values. Above that (frequent_items.hpp) a count may be too low by at most the "error"
// that stands beside it, which is less than 0.05 % of the number of values; one more frequent than that is never
// missed. mode and all topk of a field share one state: 56 bytes, and 64 and the text for each value kept. Values of
// more than 4 KiB are refused: "value_too_large".
#include <algorithm>

#include "lib/window/aggregates/canonical.hpp"
#include "lib/window/aggregates/frequent_items.hpp"
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

constexpr size_t kMaxTop = 1000;  // well below what the summary keeps

struct FrequentState {
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) {
    const std::string_view reason = check_size(value);
    return reason.empty() ? check_canonical(value) : reason;
  }

  void add(const JsonValue& value, EventTime, expr::Scratch& scratch) {
    const std::string_view text = canonical_text(value, scratch);
    items.add(text, canonical_hash(text));
  }
  void merge(const FrequentState& other) { items.merge(other.items); }
  [[nodiscard]] size_t extra_bytes() const { return items.extra_bytes(); }
  void save(StateWriter& out) const { items.save(out); }
  bool load(StateReader& in) { return items.load(in); }

  FrequentItems items;
};

using Item = FrequentItems::Item;

bool more_frequent(const Item* a, const Item* b) {
  return a->count != b->count ? a->count > b->count : canonical_before(a->value, b->value);
}

std::vector<const Item*> top_of(const FrequentItems& all, size_t n) {
  std::vector<const Item*> items;
  items.reserve(all.items().size());
  for (const Item& item : all.items()) items.push_back(&item);
  n = std::min(n, items.size());
  std::partial_sort(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(n), items.end(), more_frequent);
  items.resize(n);
  return items;
}

void append_mode(std::string& out, const FrequentState& state) {
  const std::vector<const Item*> items = top_of(state.items, 1);
  out += items.empty() ? std::string_view("null") : items.front()->value;
}

void append_top(std::string& out, const FrequentItems& all, size_t n) {
  const std::vector<const Item*> items = top_of(all, n);
  if (items.empty()) {
    out += "null";
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) {
    out += i == 0 ? R"([{"value":)" : R"(,{"value":)";
    out += items[i]->value;
    out += R"(,"count":)";
    append_integer(out, items[i]->count);
    if (all.error() > 0) {
      out += R"(,"error":)";
      append_integer(out, all.error());
    }
    out += '}';
  }
  out += ']';
}

}  // namespace

Result<Aggregate> make_mode(const expr::AggregateItem& call) {
  STREAM_TRY(require_one_field(call));
  return make_aggregate<FrequentState>("frequent", append_mode);
}

Result<Aggregate> make_topk(const expr::AggregateItem& call) {
  STREAM_ASSIGN(const size_t n, require_field_and_number(call, kMaxTop, "page, 3"));
  using State = StateAccumulator<FrequentState>;
  Aggregate aggregate;
  aggregate.result = {
      "frequent", [n](std::string& out, const char* state, Interval) { append_top(out, State::at(state).items, n); }};
  aggregate.accumulator = std::make_unique<State>();
  return aggregate;
}

}  // namespace streamutils::window
