// SPDX-License-Identifier: Apache-2.0
// first(f), last(f): the value of the record with the smallest or largest event time, among equal times of the first or
// last to arrive. any(f): some value, which is first(f)'s here, so that a result does not depend on chance
// (FIRST_VALUE, LAST_VALUE, ANY_VALUE of SQL). Any JSON value but null; it is written as it stood in the record, arrays
// and objects minified.
#include "lib/json/record_parser.hpp"
#include "lib/json/text.hpp"
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/row_bytes.hpp"

namespace streamutils::window {

namespace {

/// 32 bytes; values of up to 16 bytes need no memory of their own.
template <bool kLast>
class EdgeState {
 public:
  static constexpr bool kChecks = false;
  static std::string_view check(const JsonValue&) { return {}; }

  void add(const JsonValue& value, EventTime time, expr::Scratch&) { offer(value.raw, time); }
  /// `other` counts as arrived later.
  void merge(const EdgeState& other) {
    if (!other.value_.empty()) offer(other.value_.view(), other.time_);
  }
  void append(std::string& out) const {
    if (value_.empty()) {
      out += "null";
    } else {
      append_minified(out, value_.view());
    }
  }
  [[nodiscard]] size_t extra_bytes() const { return value_.extra_bytes(); }
  void save(StateWriter& out) const {
    out.i64(time_.us);
    out.text(value_.view());
  }
  bool load(StateReader& in) {
    const EventTime time{in.i64()};
    const std::string_view value = in.text();
    if (!in.ok() || (!value.empty() && !is_json_value(value))) return false;
    if (!value.empty()) offer(value, time);
    return true;
  }

 private:
  void offer(std::string_view raw, EventTime time) {
    if (!value_.empty() && !(kLast ? time >= time_ : time < time_)) return;
    time_ = time;
    value_.assign(raw);
  }

  EventTime time_;
  RowBytes value_;  // raw JSON; empty when there is no value yet
};

template <bool kLast>
Result<Aggregate> make(std::string_view kind, const expr::AggregateItem& call) {
  STREAM_TRY(require_one_field(call));
  using State = EdgeState<kLast>;
  return make_aggregate<State>(kind, [](std::string& out, const State& state) { state.append(out); });
}

}  // namespace

Result<Aggregate> make_first(const expr::AggregateItem& call) { return make<false>("first", call); }
Result<Aggregate> make_any(const expr::AggregateItem& call) { return make<false>("first", call); }
Result<Aggregate> make_last(const expr::AggregateItem& call) { return make<true>("last", call); }

}  // namespace streamutils::window
