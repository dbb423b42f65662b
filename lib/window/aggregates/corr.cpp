// SPDX-License-Identifier: Apache-2.0
// corr(x, y): Pearson's coefficient of correlation over the records in which both fields are numbers (CORR of SQL,
// Flink and DuckDB); null for fewer than two records, and when one field has the same value in all.
//
// From exact sums of x, y, x^2, y^2 and x * y, so order and merging do not matter. The square of the result is exact
// before it is rounded to 17 digits, then its root to a double; it is never beyond -1 and 1.
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

/// 160 bytes.
struct CorrelationState {
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue* values) {
    const std::string_view reason = check_number(values[0]);
    return reason.empty() ? check_number(values[1]) : reason;
  }

  void add(const JsonValue* values, EventTime time, expr::Scratch& scratch) {
    x.add(values[0], time, scratch);
    y.add(values[1], time, scratch);
    ShortNumber a;
    ShortNumber b;
    if (read_short(values[0].raw, a) && read_short(values[1].raw, b)) {
      products.add(static_cast<Wide>(a.coefficient) * b.coefficient, a.scale + b.scale);
    } else {
      products.add(Decimal::parse(values[0].raw).value_or(Decimal()) *
                   Decimal::parse(values[1].raw).value_or(Decimal()));
    }
  }
  void merge(const CorrelationState& other) {
    x.merge(other.x);
    y.merge(other.y);
    products.merge(other.products);
  }
  [[nodiscard]] size_t extra_bytes() const { return x.extra_bytes() + y.extra_bytes() + products.extra_bytes(); }
  void save(StateWriter& out) const {
    x.save(out);
    y.save(out);
    products.save(out);
  }
  bool load(StateReader& in) { return x.load(in) && y.load(in) && products.load(in); }

  MomentsState x;
  MomentsState y;
  ExactSum products;
};

void append_correlation(std::string& out, const CorrelationState& state) {
  const Decimal a = scaled_variance(state.x.sums[0], state.x.sums[1]);
  const Decimal b = scaled_variance(state.y.sums[0], state.y.sums[1]);
  if (a.is_zero() || b.is_zero()) {  // as of fewer than two
    out += "null";
    return;
  }
  const Decimal n(static_cast<int64_t>(state.products.count()));
  const Decimal c = n * state.products.value() - state.x.sums[0].value() * state.y.sums[0].value();
  const Decimal root = root_of_quotient(c * c, a * b);
  (c < Decimal(0) ? -root : root).append_json(out);
}

}  // namespace

Result<Aggregate> make_corr(const expr::AggregateItem& call) {
  STREAM_TRY(require_two_fields(call, "bytes, latency_ms"));
  return make_aggregate<CorrelationState>("corr", append_correlation);
}

}  // namespace streamutils::window
