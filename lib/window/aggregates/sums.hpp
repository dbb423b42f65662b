// SPDX-License-Identifier: Apache-2.0
// The states that hold exact sums of powers, whose readings several aggregates share: sum, avg, rate, count of a field,
// stddev, var, skewness.
#pragma once
#include "lib/window/aggregates/accumulator.hpp"
#include "lib/window/aggregates/exact_sum.hpp"

namespace streamutils::window {

/// The exact sums of x, x^2, … x^kPowers, 32 bytes each.
template <int kPowers>
struct PowerSums {
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) { return check_number(value); }

  void add(const JsonValue& value, EventTime, expr::Scratch&) {
    ShortNumber number;
    if (read_short(value.raw, number)) {
      sums[0].add(number.coefficient, number.scale);
      if constexpr (kPowers >= 2) {
        sums[1].add(static_cast<Wide>(number.coefficient) * number.coefficient, 2 * number.scale);
      }
      if constexpr (kPowers >= 3) add_cube(number);
    } else {
      const Decimal x = Decimal::parse(value.raw).value_or(Decimal());
      Decimal power = x;
      sums[0].add(x);
      for (int i = 1; i < kPowers; ++i) sums[i].add(power = power * x);
    }
  }
  void merge(const PowerSums& other) {
    for (int i = 0; i < kPowers; ++i) sums[i].merge(other.sums[i]);
  }
  [[nodiscard]] size_t extra_bytes() const {
    size_t bytes = 0;
    for (const ExactSum& sum : sums) bytes += sum.extra_bytes();
    return bytes;
  }
  void save(StateWriter& out) const {
    for (const ExactSum& sum : sums) sum.save(out);
  }
  bool load(StateReader& in) {
    for (ExactSum& sum : sums) {
      if (!sum.load(in)) return false;
    }
    return true;
  }

  ExactSum sums[kPowers];

 private:
  void add_cube(const ShortNumber& number) {
    constexpr int64_t kMost = 1'000'000'000'000;  // its cube is the most that ExactSum adds without a Decimal
    if (number.coefficient <= kMost && number.coefficient >= -kMost && 3 * number.scale <= ExactSum::kMaxScale) {
      const Wide square = static_cast<Wide>(number.coefficient) * number.coefficient;
      sums[2].add(square * number.coefficient, 3 * number.scale);
    } else {
      const Decimal x = to_decimal(number.coefficient, number.scale);
      sums[2].add(x * x * x);
    }
  }
};

using SumState = PowerSums<1>;
using MomentsState = PowerSums<2>;
using CubesState = PowerSums<3>;

/// Appends a result of as many sums as it needs. `window` as Reading has it.
using SumsReader = void (*)(std::string& out, const ExactSum* sums, Interval window);

/// The reading of a PowerSums<kPowers>.
template <int kPowers>
StateReading sums_reading(SumsReader read, Conversion convert = nullptr) {
  constexpr std::string_view kKinds[] = {"", "sum", "moments", "moments3"};
  return {kKinds[kPowers],
          [read](std::string& out, const char* state, Interval window) {
            read(out, StateAccumulator<PowerSums<kPowers>>::at(state).sums, window);
          },
          convert};
}

/// A conversion of a PowerSums<kPowers> into a State, which takes what it needs of the sums.
template <class State, int kPowers, void (*take)(State& to, const ExactSum* from)>
void convert_sums(char* to, const char* from) {
  take(StateAccumulator<State>::at(to), StateAccumulator<PowerSums<kPowers>>::at(from).sums);
}

template <int kPowers>
void take_sums(PowerSums<kPowers>& to, const ExactSum* from) {
  for (int i = 0; i < kPowers; ++i) to.sums[i].merge(from[i]);
}

/// The aggregate that reads the first kPowers sums of its field, also where others keep more of them.
template <int kPowers>
Result<Aggregate> sums_aggregate(const expr::AggregateItem& call, SumsReader read) {
  STREAM_TRY(require_one_field(call));
  using State = PowerSums<kPowers>;
  Aggregate aggregate;
  aggregate.result = sums_reading<kPowers>(read);
  aggregate.accumulator = std::make_unique<StateAccumulator<State>>();
  if constexpr (kPowers < 3) {
    aggregate.also_from.push_back(sums_reading<3>(read, convert_sums<State, 3, take_sums<kPowers>>));
  }
  if constexpr (kPowers < 2) {
    aggregate.also_from.push_back(sums_reading<2>(read, convert_sums<State, 2, take_sums<kPowers>>));
  }
  return aggregate;
}

/// The root of a / b rounded to a double, also where the quotient is beyond double's range. REQUIRES: a >= 0, b > 0.
Decimal root_of_quotient(Decimal a, const Decimal& b);
/// n * sum(x^2) - sum(x)^2, which is n^2 times the variance of the n values: exact, so there is no cancellation.
Decimal scaled_variance(const ExactSum& sum, const ExactSum& squares);

}  // namespace streamutils::window
