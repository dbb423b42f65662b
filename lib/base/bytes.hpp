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

}  // namespace streamutils
