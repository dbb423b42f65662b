// SPDX-License-Identifier: Apache-2.0
// ASCII digits, eight at a time in a word: byte by byte took four times as long.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace streamutils {

static_assert(std::endian::native == std::endian::little);

inline constexpr size_t kMostDigits = 19;  // any 19 digits fit in uint64

inline constexpr auto kPowersOfTen = [] {
  std::array<uint64_t, kMostDigits + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

/// The bytes at `text`, the first in the lowest.
inline uint64_t load_word(const char* text) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, text, sizeof bytes);
  return bytes;
}

inline constexpr uint64_t kZeroDigits = 0x3030303030303030;

/// A bit is set unless each byte of `values` is at most 9.
constexpr uint64_t beyond_nine(uint64_t values) {
  return ((values + 0x7676767676767676) | values) & 0x8080808080808080;
}

/// The number that eight digits stand for, given as their values: pairs, then fours, then all eight.
constexpr uint64_t number_of_eight(uint64_t values) {
  values = values * 2'561 >> 8;
  values = (values & 0x00FF00FF00FF00FF) * 6'553'601 >> 16;
  return (values & 0x0000FFFF0000FFFF) * 42'949'672'960'001 >> 32;
}

/// The eight digits of a number below 10^8, as their values; the reverse of number_of_eight().
constexpr uint64_t eight_of_number(uint64_t number) {
  uint64_t parts = number / 10'000 | (number % 10'000) << 32;
  uint64_t high = (parts * 10'486 >> 20) & 0x0000007F0000007F;  // each divided by 100
  parts = high | (parts - high * 100) << 16;
  high = (parts * 103 >> 10) & 0x000F000F000F000F;  // by 10
  return high | (parts - high * 10) << 8;
}

/// The highest bit of each byte of `word` that is `c`, and of none before the first such byte.
constexpr uint64_t bytes_equal_to(uint64_t word, char c) {
  const uint64_t others = word ^ (0x0101010101010101 * static_cast<unsigned char>(c));
  return (others - 0x0101010101010101) & ~others & 0x8080808080808080;
}

}  // namespace streamutils
