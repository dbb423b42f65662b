// SPDX-License-Identifier: Apache-2.0
// sum(f), avg(f): exact; the average is rounded once, half even to 17 digits.
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

void take_sum(SumState& to, const ExactSum& from) { to.sum.merge(from); }

Result<Aggregate> make(const expr::AggregateItem& call, SumReader read) {
  STREAM_TRY(require_one_field(call));
  Aggregate aggregate;
  aggregate.result = sum_reading(read);
  aggregate.accumulator = std::make_unique<StateAccumulator<SumState>>();
  aggregate.also_from = {moments_reading(read, convert_moments<SumState, take_sum>)};
  return aggregate;
}

}  // namespace

void append_sum(std::string& out, const ExactSum& sum) {
  if (sum.count() == 0) {
    out += "null";
  } else {
    sum.value().append_json(out);
  }
}

void append_average(std::string& out, const ExactSum& sum) {
  const std::optional<Decimal> average =
      Decimal::divide(sum.value(), Decimal(static_cast<int64_t>(sum.count())));  // empty for no terms: division by 0
  if (average) {
    average->append_json(out);
  } else {
    out += "null";
  }
}

void append_term_count(std::string& out, const ExactSum& sum) { append_integer(out, sum.count()); }

StateReading sum_reading(SumReader read, Conversion convert) {
  return {"sum", [read](std::string& out, const char* state) { read(out, StateAccumulator<SumState>::at(state).sum); },
          convert};
}

Result<Aggregate> make_sum(const expr::AggregateItem& call) { return make(call, append_sum); }
Result<Aggregate> make_avg(const expr::AggregateItem& call) { return make(call, append_average); }

}  // namespace streamutils::window
