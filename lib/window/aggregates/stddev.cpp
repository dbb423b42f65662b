// SPDX-License-Identifier: Apache-2.0
// stddev(f): the sample standard deviation (divisor n - 1, Flink's STDDEV_SAMP); null for fewer than two values.
//
// From exact sums of x and x * x, so there is no cancellation and merging is exact: the variance is rounded once to 17
// digits, its root once to a double.
#include <cmath>

#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

const Decimal& power_of_ten(int exponent) {
  static const Decimal kUp = *Decimal::parse("1e100");
  static const Decimal kDown = *Decimal::parse("1e-100");
  return exponent > 0 ? kUp : kDown;
}

/// The root of a / b, also where the quotient is beyond double's range: then in steps of 10^200, of whose root is
/// 10^100.
Decimal root_of_quotient(Decimal a, const Decimal& b) {
  int shifts = 0;
  constexpr int kMaxShifts = 8;  // squares of numbers in range are within 10^+-801
  while (true) {
    const std::optional<Decimal> quotient = Decimal::divide(a, b);
    const double variance = quotient ? quotient->to_double() : 0;
    if (quotient && (quotient->is_zero() || std::isnormal(variance))) {
      Decimal root = Decimal::from_double(std::sqrt(variance)).value_or(Decimal());
      for (; shifts > 0; --shifts) root = root * power_of_ten(1);
      for (; shifts < 0; ++shifts) root = root * power_of_ten(-1);
      return root;
    }
    if (shifts >= kMaxShifts || shifts <= -kMaxShifts) return {};
    const bool too_large = a > b;  // the quotient is far from 1 on one side
    a = a * power_of_ten(too_large ? -1 : 1) * power_of_ten(too_large ? -1 : 1);
    shifts += too_large ? 1 : -1;
  }
}

void append_stddev(std::string& out, const MomentsState& state) {
  if (state.sum.count() < 2) {
    out += "null";
    return;
  }
  const Decimal n(static_cast<int64_t>(state.sum.count()));
  const Decimal sum = state.sum.value();
  root_of_quotient(n * state.squares.value() - sum * sum, n * (n - Decimal(1))).append_json(out);
}

}  // namespace

void MomentsState::add(const JsonValue& value, EventTime, expr::Scratch&) {
  ShortNumber number;
  if (read_short(value.raw, number)) {
    sum.add(number.coefficient, number.scale);
    squares.add(static_cast<Wide>(number.coefficient) * number.coefficient, 2 * number.scale);
  } else {
    const Decimal x = Decimal::parse(value.raw).value_or(Decimal());
    sum.add(x);
    squares.add(x * x);
  }
}

StateReading moments_reading(SumReader read, Conversion convert) {
  return {"moments",
          [read](std::string& out, const char* state) { read(out, StateAccumulator<MomentsState>::at(state).sum); },
          convert};
}

Result<Aggregate> make_stddev(const expr::AggregateItem& call) {
  STREAM_TRY(require_one_field(call));
  return make_aggregate<MomentsState>("moments", append_stddev);
}

}  // namespace streamutils::window
