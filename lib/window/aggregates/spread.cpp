// SPDX-License-Identifier: Apache-2.0
// How values spread, from exact sums of x, x^2 and x^3: no cancellation, and merging is exact. Names and definitions
// are those of Flink SQL and DuckDB.
//
// var(f): the sample variance (divisor n - 1, VAR_SAMP), rounded once to 17 digits; null for fewer than two values, and
// beyond Decimal's range. stddev(f): its root (STDDEV_SAMP), rounded once more to a double.
//
// skewness(f): the adjusted Fisher-Pearson coefficient G1 = g1 * sqrt(n (n - 1)) / (n - 2), where g1 = m3 / m2^1.5 of
// the central moments (Joanes and Gill, "Comparing measures of sample skewness and kurtosis", 1998; DuckDB's skewness,
// SKEW of spreadsheets). Its square is exact before it is rounded to 17 digits, then its root to a double; null for
// fewer than three values and for equal ones.
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

Decimal count_of(const ExactSum& sum) { return {static_cast<int64_t>(sum.count())}; }

void append_variance(std::string& out, const ExactSum* sums, Interval) {
  const Decimal n = count_of(sums[0]);
  const std::optional<Decimal> variance =
      sums->count() < 2 ? std::nullopt : Decimal::divide(scaled_variance(sums[0], sums[1]), n * (n - Decimal(1)));
  if (variance) {
    variance->append_json(out);
  } else {
    out += "null";
  }
}

void append_stddev(std::string& out, const ExactSum* sums, Interval) {
  if (sums->count() < 2) {
    out += "null";
    return;
  }
  const Decimal n = count_of(sums[0]);
  root_of_quotient(scaled_variance(sums[0], sums[1]), n * (n - Decimal(1))).append_json(out);
}

void append_skewness(std::string& out, const ExactSum* sums, Interval) {
  const Decimal a = scaled_variance(sums[0], sums[1]);
  if (sums->count() < 3 || a.is_zero()) {
    out += "null";
    return;
  }
  const Decimal n = count_of(sums[0]);
  const Decimal s1 = sums[0].value();
  // n^3 times the third central moment.
  const Decimal b = n * n * sums[2].value() - Decimal(3) * n * s1 * sums[1].value() + Decimal(2) * s1 * s1 * s1;
  const Decimal rest = n - Decimal(2);
  const Decimal root = root_of_quotient(b * b * n * (n - Decimal(1)), a * a * a * rest * rest);
  (b < Decimal(0) ? -root : root).append_json(out);
}

}  // namespace

Decimal scaled_variance(const ExactSum& sum, const ExactSum& squares) {
  const Decimal total = sum.value();
  return count_of(sum) * squares.value() - total * total;
}

/// In steps of 10^200, of whose root is 10^100.
Decimal root_of_quotient(Decimal a, const Decimal& b) {
  int shifts = 0;
  constexpr int kMaxShifts = 8;  // squares of numbers in range are within 10^+-801
  while (true) {
    const std::optional<Decimal> quotient = Decimal::divide(a, b);
    const double square = quotient ? quotient->to_double() : 0;
    if (quotient && (quotient->is_zero() || std::isnormal(square))) {
      Decimal root = Decimal::from_double(std::sqrt(square)).value_or(Decimal());
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

Result<Aggregate> make_stddev(const expr::AggregateItem& call) { return sums_aggregate<2>(call, append_stddev); }
Result<Aggregate> make_var(const expr::AggregateItem& call) { return sums_aggregate<2>(call, append_variance); }
Result<Aggregate> make_skewness(const expr::AggregateItem& call) { return sums_aggregate<3>(call, append_skewness); }

}  // namespace streamutils::window
