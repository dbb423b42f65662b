// SPDX-License-Identifier: Apache-2.0
// sum(f), avg(f): exact; the average is rounded once, half even to 17 digits. Null over no values.
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

void append_sum(std::string& out, const ExactSum* sums, Interval) {
  if (sums->count() == 0) {
    out += "null";
  } else {
    sums->value().append_json(out);
  }
}

void append_average(std::string& out, const ExactSum* sums, Interval) {
  const std::optional<Decimal> average =
      Decimal::divide(sums->value(), Decimal(static_cast<int64_t>(sums->count())));  // empty for no terms
  if (average) {
    average->append_json(out);
  } else {
    out += "null";
  }
}

}  // namespace

Result<Aggregate> make_sum(const expr::AggregateItem& call) { return sums_aggregate<1>(call, append_sum); }
Result<Aggregate> make_avg(const expr::AggregateItem& call) { return sums_aggregate<1>(call, append_average); }

}  // namespace streamutils::window
