// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <string>

namespace streamutils::window {

namespace {

/// Takes the digits from `at` on into `value`, modulo 2^64.
void read_digits(const char*& at, const char* end, uint64_t& value) {
  for (; end - at >= 8; at += 8) {
    const uint64_t values = load_word(at) ^ kZeroDigits;
    if (beyond_nine(values) != 0) break;
    value = value * 100'000'000 + number_of_eight(values);
  }
  while (at != end && *at >= '0' && *at <= '9') value = value * 10 + static_cast<uint64_t>(*at++ - '0');
}

/// The exponent after "e", saturated far outside the range. REQUIRES: valid.
int read_exponent(const char* at, const char* end) {
  const bool negative = *at == '-';
  if (*at == '-' || *at == '+') ++at;
  int exponent = 0;
  for (; at != end; ++at) exponent = exponent > 10'000 ? exponent : exponent * 10 + (*at - '0');
  return negative ? -exponent : exponent;
}

/// Moves a negative scale into the coefficient. False when it does not fit.
bool normalize(ShortNumber& number) {
  if (number.coefficient == 0) number.scale = 0;
  if (number.scale > ShortNumber::kDigits || number.scale < -ShortNumber::kDigits) return false;
  if (number.scale >= 0) return true;
  const Wide shifted = number.coefficient * kWidePowersOfTen[static_cast<size_t>(-number.scale)];
  if (shifted >= kWidePowersOfTen[ShortNumber::kDigits] || shifted <= -kWidePowersOfTen[ShortNumber::kDigits])
    return false;
  number.coefficient = static_cast<int64_t>(shifted);
  number.scale = 0;
  return true;
}

}  // namespace

bool read_short(std::string_view number, ShortNumber& out) {
  const char* at = number.data();
  const char* const end = at + number.size();
  const bool negative = *at == '-';
  if (negative) ++at;
  uint64_t value = 0;
  const char* first = at;
  read_digits(at, end, value);
  std::ptrdiff_t digits = at - first;
  int scale = 0;
  if (at != end && *at == '.') {
    first = ++at;
    read_digits(at, end, value);
    scale = static_cast<int>(std::min<std::ptrdiff_t>(at - first, 10'000));
    digits += at - first;
  }
  // The digits were counted with leading zeros, which only sends a few numbers like 0.0000000000000000012 to Decimal.
  if (digits > ShortNumber::kDigits + 1) return false;
  if (value >= static_cast<uint64_t>(kWidePowersOfTen[ShortNumber::kDigits])) return false;
  if (at != end) scale -= read_exponent(at + 1, end);
  out.coefficient = negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
  out.scale = scale;
  return (scale == 0) || normalize(out);
}

Decimal to_decimal(Wide coefficient, int scale) {
  if (scale == 0 && coefficient == static_cast<int64_t>(coefficient)) return {static_cast<int64_t>(coefficient)};
  char buffer[48];
  char* at = buffer + sizeof buffer - 4;
  char* const end = at;
  auto magnitude = static_cast<UnsignedWide>(coefficient);
  if (coefficient < 0) magnitude = 0 - magnitude;
  do {
    *--at = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  if (coefficient < 0) *--at = '-';
  char* tail = end;
  *tail++ = 'e';
  *tail++ = '-';
  tail = std::to_chars(tail, buffer + sizeof buffer, scale).ptr;
  return *Decimal::parse({at, static_cast<size_t>(tail - at)});  // 39 digits and this scale are always in range
}

void append_integer(std::string& out, uint64_t value) {
  constexpr uint64_t kEight = 100'000'000;
  char buffer[24];
  char* const end = buffer + sizeof buffer;
  char* at = end;
  for (;; value /= kEight) {
    const uint64_t values = eight_of_number(value % kEight), digits = values | kZeroDigits;
    at -= 8;
    std::memcpy(at, &digits, sizeof digits);
    if (value >= kEight) continue;
    const int zeros = std::min(7, std::countr_zero(values) / 8);  // in front
    at += zeros;
    break;
  }
  out.append(at, static_cast<size_t>(end - at));
}

void append_short(std::string& out, int64_t coefficient, int scale) {
  while (scale > 0 && coefficient % 10 == 0) {
    coefficient /= 10;
    --scale;
  }
  if (scale == 0) {
    if (coefficient < 0) out += '-';
    append_integer(out, static_cast<uint64_t>(coefficient < 0 ? -coefficient : coefficient));
    return;
  }
  const fmt::format_int text(coefficient);
  const size_t sign = coefficient < 0 ? 1 : 0;
  const size_t digits = text.size() - sign;
  const auto places = static_cast<size_t>(scale);
  if (digits <= places) {  // below 1: with zeros in front, or an exponent
    to_decimal(coefficient, scale).append_json(out);
    return;
  }
  out.append(text.data(), text.size() - places);
  out += '.';
  out.append(text.data() + text.size() - places, places);
}

bool number_in_range(std::string_view number) {
  if (number.size() <= Decimal::kMaxExponent && !has_exponent(number)) return true;
  return Decimal::parse(number).has_value();
}

double number_to_double(std::string_view number) {
  constexpr int64_t kExact = int64_t{1} << 53;
  static constexpr double kScales[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                       1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  ShortNumber brief;
  if (read_short(number, brief) && brief.coefficient >= -kExact && brief.coefficient <= kExact) {
    // Both operands exact, one rounding: correctly rounded.
    return static_cast<double>(brief.coefficient) / kScales[brief.scale];
  }
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc()) value = Decimal::parse(number).value_or(Decimal()).to_double();
  return value + 0.0;  // -0 + 0 is 0
}

}  // namespace streamutils::window
