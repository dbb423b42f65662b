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

}  // namespace streamutils
