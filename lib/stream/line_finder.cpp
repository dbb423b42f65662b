// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/line_finder.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "lib/json/digits.hpp"
#include "lib/stream/control_json.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace streamutils {

namespace {

constexpr size_t kMaskBytes = 64;

void masks_by_words(const char* bytes, size_t words, uint64_t* masks) {
  constexpr uint64_t kOnes = 0x0101010101010101, kLow = 0x7F7F7F7F7F7F7F7F;
  for (size_t w = 0; w < words; ++w) {
    uint64_t mask = 0;
    for (size_t i = 0; i < kMaskBytes; i += 8) {
      const uint64_t others = load_word(bytes + w * kMaskBytes + i) ^ (kOnes * '\n');  // a newline is zero
      const uint64_t zeros = ~(((others & kLow) + kLow) | others | kLow) >> 7;
      mask |= (zeros * 0x0102040810204080 >> 56) << i;  // the low bits of the bytes side by side
    }
    masks[w] = mask;
  }
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) void masks_avx2(const char* bytes, size_t words, uint64_t* masks) {
  const __m256i newline = _mm256_set1_epi8('\n');
  const auto half = [newline](const char* at) __attribute__((target("avx2"))) {
    const __m256i some = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));  // NOLINT
    return uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(some, newline)))};
  };
  for (size_t w = 0; w < words; ++w, bytes += kMaskBytes) masks[w] = half(bytes) | half(bytes + 32) << 32;
}

__attribute__((target("avx512f,avx512bw"))) void masks_avx512(const char* bytes, size_t words, uint64_t* masks) {
  const __m512i newline = _mm512_set1_epi8('\n');
  for (size_t w = 0; w < words; ++w, bytes += kMaskBytes) {
    masks[w] = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(bytes), newline);
  }
}

#endif

struct Supported {
  std::array<NewlineMasks, 3> masks{};
  size_t count = 0;
  Supported() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) masks[count++] = masks_avx512;
    if (__builtin_cpu_supports("avx2")) masks[count++] = masks_avx2;
#endif
    masks[count++] = masks_by_words;
  }
};

}  // namespace

std::span<const NewlineMasks> newline_masks() {
  static const Supported supported;
  return {supported.masks.data(), supported.count};
}

LinesFound find_lines(std::string_view bytes, size_t from, const LineRules& rules, std::span<Slice> lines) {
  static const NewlineMasks fill = newline_masks().front();
  static_assert(kControlPrefix.size() >= 8);
  const char* const data = bytes.data();
  const uint64_t control = load_word(kControlPrefix.data());
  Slice* out = lines.data();
  const Slice* const full = lines.data() + lines.size() - kLinesAtOnce;
  size_t start = from;
  const auto found = [&] { return LinesFound{static_cast<size_t>(out - lines.data()), start}; };
  std::array<uint64_t, 64> masks;  // NOLINT: filled before it is read
  size_t words = 4;                // few at first: many calls are for one line between others that need a second look
  for (size_t block = from; block < bytes.size(); block += words * kMaskBytes) {
    words = std::min({words * 2, masks.size(), (bytes.size() - block + kMaskBytes - 1) / kMaskBytes});
    fill(data + block, words, masks.data());
    const size_t beyond = block + words * kMaskBytes;
    if (beyond > bytes.size()) masks[words - 1] &= ~uint64_t{0} >> (beyond - bytes.size());  // without the padding
    for (size_t w = 0; w < words; ++w) {
      uint64_t mask = masks[w];
      if (mask == 0) continue;
      if (out > full) return found();
      const size_t word = block + w * kMaskBytes;
      for (; mask != 0; mask &= mask - 1) {
        const size_t end = word + static_cast<size_t>(std::countr_zero(mask));
        size_t size = end - start;
        if (size - 1 >= rules.max_bytes) return found();  // a blank one, too
        if (data[end - 1] == '\r' && --size == 0) return found();
        if (rules.stop_at_controls && load_word(data + start) == control) return found();
        *out++ = {static_cast<uint32_t>(start), static_cast<uint32_t>(size)};
        start = end + 1;
      }
    }
  }
  return found();
}

}  // namespace streamutils
