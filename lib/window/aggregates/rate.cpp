// SPDX-License-Identifier: Apache-2.0
// rate(): records for each second of the window; rate(f): the exact sum of f for each second of it. The quotient is
// rounded once, half even to 17 digits. Shares the state of count() and of sum(f), so merging is exact.
//
// The seconds are those from window_start to window_end, of a session too; an early firing divides by all of them, so
// that an early result is a part of the last one and never above it. Without bounds, or with equal ones: null. rate()
// over no records is 0, rate(f) over no values null.
#include "lib/window/aggregates/count.hpp"
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

void append_rate(std::string& out, const Decimal& amount, Interval window) {
  constexpr int64_t kSecond_us = 1'000'000;
  if (window == kAllTime) {
    out += "null";
    return;
  }
  // Bounds may be further apart than int64 reaches.
  const Decimal length = Decimal(window.end) - Decimal(window.start);
  const std::optional<Decimal> rate = Decimal::divide(amount * Decimal(kSecond_us), length);
  if (rate) {
    rate->append_json(out);
  } else {
    out += "null";
  }
}

void append_sum_rate(std::string& out, const ExactSum* sums, Interval window) {
  if (sums->count() == 0) {
    out += "null";
  } else {
    append_rate(out, sums->value(), window);
  }
}

}  // namespace

Result<Aggregate> make_rate(const expr::AggregateItem& call) {
  if (call.fields.size() > 1 || !call.arguments.empty()) {
    return usage_error("rate() takes nothing or one field, as in rate(bytes)");
  }
  if (!call.fields.empty()) return sums_aggregate<1>(call, append_sum_rate);
  Aggregate rate;
  rate.result = {"count", [](std::string& out, const char* state, Interval window) {
                   const uint64_t n = StateAccumulator<CountState>::at(state).n;
                   append_rate(out, Decimal(static_cast<int64_t>(n)), window);
                 }};
  rate.accumulator = std::make_unique<StateAccumulator<CountState>>();
  return rate;
}

}  // namespace streamutils::window
