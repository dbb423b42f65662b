// SPDX-License-Identifier: Apache-2.0
// Reading JSON numbers without an allocation, for the hot paths of the aggregates.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/json/decimal.hpp"
#include "lib/json/value.hpp"

namespace streamutils::window {

using Wide = __int128;
using UnsignedWide = unsigned __int128;

/// 10^0 ... 10^38, all that fit.
inline constexpr auto kPowersOfTen = [] {
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

/// True when the valid JSON `number` is written with an exponent.
inline bool has_exponent(std::string_view number) {
  bool found = false;
  size_t i = 0;
  for (; i + 8 <= number.size(); i += 8) {  // eight bytes at a time: is one of them zero?
    uint64_t bytes = 0;
    std::memcpy(&bytes, number.data() + i, sizeof bytes);
    bytes = (bytes | 0x2020202020202020) ^ 0x6565656565656565;
    found |= ((bytes - 0x0101010101010101) & ~bytes & 0x8080808080808080) != 0;
  }
  for (; i < number.size(); ++i) found |= (number[i] | 0x20) == 'e';
  return found;
}

/// True when Decimal::parse takes the valid JSON `number`. Nearly always decided without parsing.
bool number_in_range(std::string_view number);

/// Correctly rounded; an infinity when it is beyond double's range. -0 becomes 0. REQUIRES: number_in_range(number).
double number_to_double(std::string_view number);

/// Empty, or why `value` is not a number to compute with: "not_a_number", "number_out_of_range".
std::string_view check_number(const JsonValue& value);

}  // namespace streamutils::window
