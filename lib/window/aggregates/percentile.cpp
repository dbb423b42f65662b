// SPDX-License-Identifier: Apache-2.0
// p50(f), p99(f), p99.9(f), … for 0 < NN <= 100: the value of rank ceil(NN/100 * n) of the n values in rising order
// (nearest rank, PERCENTILE_DISC of SQL), within 0.5 % of its magnitude; never outside the smallest and largest value,
// which are exact. median(f) is p50(f): of an even number of values the lower of the two in the middle.
#include <cmath>

#include "lib/window/aggregates/ddsketch.hpp"
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/number.hpp"

namespace streamutils::window {

namespace {

/// 48 bytes and the sketch's pages. All percentiles of a field share one.
struct QuantilesState {
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) {
    if (value.type == JsonType::number && is_plain_number(value.raw)) return {};
    const std::string_view reason = check_number(value);
    if (!reason.empty()) return reason;
    // Only long numbers and those with an exponent can be in Decimal's range and beyond double's, like 1e350.
    if (value.raw.size() < 300 && !has_exponent(value.raw)) return {};
    return std::isfinite(number_to_double(value.raw)) ? std::string_view() : "number_out_of_range";
  }

  static double number(const JsonValue& value) {
    double number = 0;
    return plain_to_double(value.raw, number) ? number : number_to_double(value.raw);
  }
  void add(const JsonValue& value, EventTime, expr::Scratch&) { sketch.add(number(value)); }
  using Prepared = DdSketch::Prepared;
  Prepared prepare(const JsonValue& value, expr::Scratch&) const { return sketch.prepare(number(value)); }
  void add(const Prepared& prepared) { sketch.add(prepared); }
  void merge(const QuantilesState& other) { sketch.merge(other.sketch); }
  [[nodiscard]] size_t extra_bytes() const { return sketch.extra_bytes(); }
  void save(StateWriter& out) const { sketch.save(out); }
  bool load(StateReader& in) { return sketch.load(in); }

  DdSketch sketch;
};

/// A fraction of the ranks, exact: numerator / denominator.
struct Fraction {
  uint64_t numerator = 0;
  uint64_t denominator = 1;

  /// ceil(fraction * n), at least 1. REQUIRES: n > 0.
  [[nodiscard]] uint64_t rank(uint64_t n) const {
    const UnsignedWide product = static_cast<UnsignedWide>(numerator) * n;
    return static_cast<uint64_t>((product + denominator - 1) / denominator);
  }
};

/// "p99.9" to 999/1000. Empty when it is no percentile.
std::optional<Fraction> parse_percentile(std::string_view name) {
  if (name == "median") return Fraction{50, 100};
  constexpr size_t kMaxText = 12;  // p and up to nine decimals
  name.remove_prefix(1);
  const size_t point = name.find('.');
  const bool canonical = !name.empty() && name.size() <= kMaxText && name.back() != '.' && name.front() != '.' &&
                         (name.front() != '0' || point == 1);
  if (!canonical) return std::nullopt;
  Fraction fraction{0, 100};
  for (size_t i = 0; i < name.size(); ++i) {
    if (i == point) continue;
    if (name[i] < '0' || name[i] > '9') return std::nullopt;
    fraction.numerator = fraction.numerator * 10 + static_cast<uint64_t>(name[i] - '0');
    if (i > point) fraction.denominator *= 10;
  }
  if (fraction.numerator == 0 || fraction.numerator > fraction.denominator) return std::nullopt;
  return fraction;
}

void append_quantile(std::string& out, const DdSketch& sketch, const Fraction& fraction) {
  if (sketch.count() == 0) {
    out += "null";
    return;
  }
  const double value = sketch.value_at(fraction.rank(sketch.count()));
  Decimal::from_double(value).value_or(Decimal()).append_json(out);
}

}  // namespace

Result<Aggregate> make_percentile(const expr::AggregateItem& call) {
  STREAM_TRY(require_one_field(call));
  const std::optional<Fraction> fraction = parse_percentile(call.function);
  if (!fraction) {
    return usage_error("'{}' is no percentile; write p and a number above 0 and up to 100, as in p50 or p99.9",
                       call.function);
  }
  using State = StateAccumulator<QuantilesState>;
  Aggregate aggregate;
  aggregate.result = {"quantiles", [fraction = *fraction](std::string& out, const char* state, Interval) {
                        append_quantile(out, State::at(state).sketch, fraction);
                      }};
  aggregate.accumulator = std::make_unique<State>();
  return aggregate;
}

}  // namespace streamutils::window
