// SPDX-License-Identifier: Apache-2.0
// argmin(f, by), argmax(f, by): the value of f in the record with the smallest or largest `by` (arg_min and arg_max of
// DuckDB, min_by and max_by of Spark); among equal ones of the earliest event time, and then of the first to arrive.
// first_by(f, order), last_by(f, order): the first and the last value of f when the records are in order of `order`,
// then of event time, then of arrival. So first_by is argmin, and last_by is argmax but for ties, of which it takes the
// last.
//
// `by` is ordered as by min and max; f is any JSON value but null, written as it stood, arrays and objects minified. A
// record in which one of them is null or absent is skipped. Exact; a state holds one value of each.
#include "lib/json/record_parser.hpp"
#include "lib/json/text.hpp"
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/ordered_value.hpp"
#include "lib/window/aggregates/row_bytes.hpp"

namespace streamutils::window {

namespace {

/// 48 bytes. kMax: the largest `by`; kLast: the last one of equal ones.
template <bool kMax, bool kLast>
class ArgState {
 public:
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue* values) { return OrderedValue::check(values[1]); }

  void add(const JsonValue* values, EventTime time, expr::Scratch& scratch) {
    OrderedKey key;
    OrderedKey::read(values[1], scratch, key);
    offer(key, time, values[0].raw);
  }
  /// `other` counts as arrived later.
  void merge(const ArgState& other) {
    if (!other.by_.empty()) offer(other.by_.key(), other.time_, other.value_.view());
  }
  void append(std::string& out) const {
    if (by_.empty()) {
      out += "null";
    } else {
      append_minified(out, value_.view());
    }
  }
  [[nodiscard]] size_t extra_bytes() const { return by_.extra_bytes() + value_.extra_bytes(); }
  // Saved: `by`, and unless it is empty the time and the value.
  void save(StateWriter& out) const {
    by_.save(out);
    if (by_.empty()) return;
    out.i64(time_.us);
    out.text(value_.view());
  }
  bool load(StateReader& in) {
    if (!by_.load(in)) return false;
    if (by_.empty()) return true;
    time_ = EventTime{in.i64()};
    const std::string_view value = in.text();
    if (!in.ok() || !is_json_value(value)) return false;
    value_.assign(value);
    return true;
  }

 private:
  void offer(const OrderedKey& key, EventTime time, std::string_view raw) {
    if (!by_.empty()) {
      const int order = by_.compare(key);
      if (kMax ? order < 0 : order > 0) return;
      if (order == 0 && !(kLast ? time >= time_ : time < time_)) return;
    }
    by_.assign(key);
    time_ = time;
    value_.assign(raw);
  }

  OrderedValue by_;
  EventTime time_;
  RowBytes value_;  // raw JSON
};

template <bool kMax, bool kLast>
Result<Aggregate> make(std::string_view kind, const expr::AggregateItem& call) {
  STREAM_TRY(require_two_fields(call, "host, latency_ms"));
  using State = ArgState<kMax, kLast>;
  return make_aggregate<State>(kind, [](std::string& out, const State& state) { state.append(out); });
}

}  // namespace

Result<Aggregate> make_argmin(const expr::AggregateItem& call) { return make<false, false>("argmin", call); }
Result<Aggregate> make_argmax(const expr::AggregateItem& call) { return make<true, false>("argmax", call); }
Result<Aggregate> make_first_by(const expr::AggregateItem& call) { return make<false, false>("argmin", call); }
Result<Aggregate> make_last_by(const expr::AggregateItem& call) { return make<true, true>("last_by", call); }

}  // namespace streamutils::window
