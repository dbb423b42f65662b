// SPDX-License-Identifier: Apache-2.0
// Comparing short byte strings in place: the call of memcmp costs more than what it does for them.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace streamutils {

/// a == b. Reads nothing beyond either.
inline bool same_bytes(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto differ = [&]<class Word>(size_t at, Word) {
    Word x, y;
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    return x ^ y;
  };
  const size_t size = a.size();
  constexpr size_t kLong = 64;
  if (size > kLong) return std::memcmp(a.data(), b.data(), size) == 0;
  // The last word overlaps the one before it.
  if (size >= 8) {
    uint64_t any = differ(size - 8, uint64_t{});
    for (size_t i = 0; i + 8 < size; i += 8) any |= differ(i, uint64_t{});
    return any == 0;
  }
  if (size >= 4) return (differ(0, uint32_t{}) | differ(size - 4, uint32_t{})) == 0;
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

/// The same, without a branch on the size of `text`: for values whose sizes nobody can foresee, against one that stays.
inline bool same_bytes_as(std::string_view fixed, std::string_view text) {
  const bool same_size = text.size() == fixed.size();
  const auto own = reinterpret_cast<uintptr_t>(fixed.data()), other = reinterpret_cast<uintptr_t>(text.data());
  const uintptr_t place = own ^ ((own ^ other) & -static_cast<uintptr_t>(same_size));
  return static_cast<bool>(static_cast<int>(same_size) &
                           static_cast<int>(same_bytes({reinterpret_cast<const char*>(place), fixed.size()}, fixed)));
}

}  // namespace streamutils
