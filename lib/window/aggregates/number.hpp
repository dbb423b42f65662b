// SPDX-License-Identifier: Apache-2.0
// Reading JSON numbers without an allocation, for the hot paths of the aggregates.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/json/decimal.hpp"
#include "lib/json/digits.hpp"
#include "lib/json/value.hpp"

namespace streamutils::window {

using Wide = __int128;
using UnsignedWide = unsigned __int128;

/// 10^0 ... 10^38, all that fit.
inline constexpr auto kWidePowersOfTen = [] {
  std::array<Wide, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

/// coefficient * 10^-scale.
struct ShortNumber {
  static constexpr int kDigits = 18;
  int64_t coefficient = 0;  ///< below 10^18 in magnitude
  int scale = 0;            ///< 0 ... 18; 0 when the coefficient is
};

/// Reads a valid JSON number that fits. False when it is too long or its exponent too large; such are rare, and
/// Decimals.
bool read_short(std::string_view number, ShortNumber& out);

/// coefficient * 10^-scale. REQUIRES: 0 <= scale <= 38.
Decimal to_decimal(Wide coefficient, int scale);

/// Appends the decimal digits of `value`.
void append_integer(std::string& out, uint64_t value);
/// Appends what to_decimal(coefficient, scale).append_json() does, mostly without a Decimal. REQUIRES: 0 <= scale
/// <= 18.
void append_short(std::string& out, int64_t coefficient, int scale);

inline constexpr uint64_t kLowerCase = 0x2020202020202020;

/// True when the valid JSON `number` is written with an exponent.
inline bool has_exponent(std::string_view number) {
  bool found = false;
  size_t i = 0;
  for (; i + 8 <= number.size(); i += 8) {
    found |= bytes_equal_to(load_word(number.data() + i) | kLowerCase, 'e') != 0;
  }
  for (; i < number.size(); ++i) found |= (number[i] | 0x20) == 'e';
  return found;
}

/// A text of up to eight bytes as a word, the first in the lowest byte, zeros behind. Reads nothing beyond it.
inline constexpr size_t kWordBytes = 8;
inline uint64_t word_of(std::string_view text) {
  const size_t n = text.size();
  if (n >= 4) {
    uint32_t low = 0, high = 0;  // they overlap
    std::memcpy(&low, text.data(), sizeof low);
    std::memcpy(&high, text.data() + n - sizeof high, sizeof high);
    return low | uint64_t{high} << (n - sizeof high) * 8;
  }
  uint64_t word = 0;
  for (size_t i = 0; i < n; ++i) word |= uint64_t{static_cast<unsigned char>(text[i])} << i * 8;
  return word;
}

/// Nearly all numbers: at most eight bytes without an exponent. The value is number_to_double()'s, bit by bit. False
/// for others. REQUIRES: a valid JSON number.
inline bool plain_to_double(std::string_view number, double& value) {
  if (number.size() > kWordBytes) return false;
  uint64_t word = word_of(number);
  size_t size = number.size();
  const bool negative = (word & 0xff) == '-';
  word >>= negative ? 8 : 0;
  size -= negative ? 1 : 0;
  // The point goes, digits behind it move up.
  const uint64_t point = bytes_equal_to(word, '.');
  size_t places = 0;
  if (point != 0) {
    const uint64_t before = (point & -point) / 0x80 - 1;  // the bytes before it
    word = (word & before) | (word >> 8 & ~before);
    places = size - 1 - static_cast<size_t>(std::countr_zero(point)) / 8;
    --size;
  }
  uint64_t values = (word ^ kZeroDigits) << (kWordBytes - size) * 8;  // zeros in front
  if (size == 0 || beyond_nine(values) != 0) return false;
  const auto coefficient = static_cast<int64_t>(number_of_eight(values));
  static constexpr double kScales[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  // Both operands exact, one rounding: correctly rounded.
  value = static_cast<double>(negative ? -coefficient : coefficient) / kScales[places];
  return true;
}

/// True when Decimal::parse takes the valid JSON `number`. Nearly always decided without parsing.
bool number_in_range(std::string_view number);

/// Correctly rounded; an infinity when it is beyond double's range. -0 becomes 0. REQUIRES: number_in_range(number).
double number_to_double(std::string_view number);

/// True when the valid JSON `number` is so short, and without an exponent, that it is in any range.
inline bool is_plain_number(std::string_view number) {
  if (number.size() > kWordBytes) return false;
  return bytes_equal_to(word_of(number) | kLowerCase, 'e') == 0;
}

/// Empty, or why `value` is not a number to compute with: "not_a_number", "number_out_of_range".
inline std::string_view check_number(const JsonValue& value) {
  if (value.type != JsonType::number) return "not_a_number";
  return is_plain_number(value.raw) || number_in_range(value.raw) ? std::string_view() : "number_out_of_range";
}

}  // namespace streamutils::window
