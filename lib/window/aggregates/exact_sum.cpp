// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/exact_sum.hpp"

#include <algorithm>
#include <charconv>

namespace streamutils::window {

namespace {

constexpr Wide kWideMax = static_cast<Wide>(~UnsignedWide{0} >> 1);

/// Multiplies by 10^digits unless that overflows. By a table of limits: clang has no inline 128-bit overflow check.
bool scale_up(Wide& value, int digits) {
  static constexpr auto kLimits = [] {
    std::array<Wide, 39> limits{};
    for (size_t i = 0; i < limits.size(); ++i) limits[i] = kWideMax / kWidePowersOfTen[i];
    return limits;
  }();
  const auto at = static_cast<size_t>(digits);
  if (value > kLimits[at] || value < -kLimits[at]) return false;
  value *= kWidePowersOfTen[at];
  return true;
}

/// value * 10^exponent, exact.
Decimal shifted(Decimal value, int exponent) {
  constexpr int kStep = Decimal::kMaxExponent;
  while (exponent != 0) {
    const int step = std::clamp(exponent, -kStep, kStep);
    value = value * *Decimal::parse("1e" + std::to_string(step));
    exponent -= step;
  }
  return value;
}

/// Reads the canonical text of any Decimal, however long. False when it is not one.
bool parse_unbounded(std::string_view text, Decimal& out) {
  constexpr size_t kMaxText = 12'000;  // Decimals end at 10,000 digits
  if (text.empty() || text.size() > kMaxText) return false;
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  int exponent = 0;
  if (const size_t e = text.find('e'); e != std::string_view::npos) {
    const char* at = text.data() + e + 1;
    const char* end = text.data() + text.size();
    if (at != end && *at == '+') ++at;
    const auto [stop, error] = std::from_chars(at, end, exponent);
    if (error != std::errc() || stop != end || exponent > 10'000 || exponent < -10'000) return false;
    text = text.substr(0, e);
  }
  Decimal value;
  bool after_point = false;
  for (const char c : text) {
    if (c == '.' && !after_point) {
      after_point = true;
      continue;
    }
    if (c < '0' || c > '9') return false;
    value = value * Decimal(10) + Decimal(c - '0');
    if (after_point) --exponent;
  }
  if (text.empty()) return false;
  out = shifted(negative ? -value : value, exponent);
  return true;
}

}  // namespace

void save_decimal(const Decimal& value, StateWriter& out) { out.text(value.to_json()); }

bool load_decimal(StateReader& in, Decimal& value) {
  const std::string_view text = in.text();
  if (std::optional<Decimal> parsed = Decimal::parse(text)) {
    value = *std::move(parsed);
    return true;
  }
  return parse_unbounded(text, value);
}

void ExactSum::add_big(const Decimal& term) {
  if (big_ == nullptr) big_ = new Decimal();
  *big_ += term;
}

void ExactSum::spill() {
  if (small() != 0) add_big(to_decimal(small(), static_cast<int>(scale_)));
  set_small(0);
}

void ExactSum::add_slow(Wide coefficient, int scale) {
  if (coefficient == 0) return;
  Wide sum = small();
  if (sum == 0) {
    set_small(coefficient);
    scale_ = static_cast<uint64_t>(scale);
    return;
  }
  Wide term = coefficient;
  const int common = std::max(scale, static_cast<int>(scale_));
  if (scale_up(sum, common - static_cast<int>(scale_)) && scale_up(term, common - scale) &&
      !__builtin_add_overflow(sum, term, &sum)) {
    set_small(sum);
    scale_ = static_cast<uint64_t>(common);
    return;
  }
  spill();
  set_small(coefficient);
  scale_ = static_cast<uint64_t>(scale);
}

void ExactSum::merge(const ExactSum& other) {
  count_ += other.count_;
  Wide sum = 0;
  if (other.scale_ == scale_ && !__builtin_add_overflow(small(), other.small(), &sum)) {
    set_small(sum);
  } else {
    add_slow(other.small(), static_cast<int>(other.scale_));
  }
  if (other.big_ != nullptr) add_big(*other.big_);
}

Decimal ExactSum::value() const {
  Decimal value = to_decimal(small(), static_cast<int>(scale_));
  if (big_ != nullptr) value += *big_;
  return value;
}

size_t ExactSum::extra_bytes() const {
  constexpr size_t kTypicalDigits = 64;  // a Decimal does not tell its own
  return big_ == nullptr ? 0 : sizeof(Decimal) + kTypicalDigits;
}

void ExactSum::save(StateWriter& out) const {
  out.u64(count_);
  out.u8(static_cast<uint8_t>(scale_));
  out.u64(low_);
  out.u64(high_);
  out.u8(big_ != nullptr ? 1 : 0);
  if (big_ != nullptr) save_decimal(*big_, out);
}

bool ExactSum::load(StateReader& in) {
  const uint64_t count = in.u64();
  const uint8_t scale = in.u8();
  if (count >> 56 != 0 || scale > kMaxScale) return false;
  count_ = count;
  scale_ = scale;
  low_ = in.u64();
  high_ = in.u64();
  const uint8_t has_big = in.u8();
  if (!in.ok() || has_big > 1) return false;
  if (has_big == 0) return true;
  Decimal big;
  if (!load_decimal(in, big)) return false;
  add_big(big);
  return true;
}

}  // namespace streamutils::window
