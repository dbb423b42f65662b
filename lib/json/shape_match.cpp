// SPDX-License-Identifier: Apache-2.0
// Comparing a record with a shape. The same with AVX-512 was measured to take 7 % less time of a match, so 1 % of that
// of a pipeline, and was left out.
#include <cstring>

#include "lib/json/shape.hpp"
#include "lib/json/text.hpp"
#include "lib/json/token.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace streamutils {

#if defined(__x86_64__)

#define STREAM_AVX2 __attribute__((target("avx2,bmi")))

bool Shape::supported() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }

namespace {

constexpr size_t kBytes = 32;

/// What a string shows of itself while it is skipped.
struct Seen {
  bool escaped = false;
  bool non_ascii = false;
};

STREAM_AVX2 inline __m256i load(const void* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));  // NOLINT
}

/// In a register from here on: the compiler would make it anew wherever it is used.
STREAM_AVX2 inline __m256i all_of(char c) {
  __m256i bytes = _mm256_set1_epi8(c);
  asm("" : "+x"(bytes));
  return bytes;
}

/// From within a string to its closing quote; null when there is none before `end`, or a control character.
STREAM_AVX2 const char* skip_rest(const char* at, const char* end, Seen& seen) {
  const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\'), control = _mm256_set1_epi8(0x1f);
  while (at < end) {
    const __m256i bytes = load(at);
    const __m256i stops =
        _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash)),
                        _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, control), bytes));
    const auto mask = static_cast<uint32_t>(_mm256_movemask_epi8(stops));
    const auto high = static_cast<uint32_t>(_mm256_movemask_epi8(bytes));
    seen.non_ascii |= (high & (mask ^ (mask - 1))) != 0;  // up to the first stop
    if (mask == 0) {
      at += kBytes;
      continue;
    }
    at += _tzcnt_u32(mask);
    if (*at == '"') return at < end ? at : nullptr;
    if (*at != '\\') return nullptr;
    seen.escaped = true;
    at += 2;
  }
  return nullptr;
}

/// From behind the opening quote to the closing one.
STREAM_AVX2 inline const char* skip_string(const char* at, const char* end, Seen& seen) {
  const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\'), space = _mm256_set1_epi8(0x20);
  while (at < end) {
    const __m256i bytes = load(at);
    // As signed numbers all bytes beyond ASCII are less than a space, too.
    const __m256i stops =
        _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash)),
                        _mm256_cmpgt_epi8(space, bytes));
    const auto mask = static_cast<uint32_t>(_mm256_movemask_epi8(stops));
    if (mask == 0) {
      at += kBytes;
      continue;
    }
    at += _tzcnt_u32(mask);
    if (*at == '"') return at < end ? at : nullptr;
    return skip_rest(at, end, seen);
  }
  return nullptr;
}

/// Behind the number that begins here; null when there is none.
STREAM_AVX2 inline const char* skip_number(const char* at, const char* end) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));  // NOLINT
  const __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
  const uint32_t others = ~static_cast<uint32_t>(_mm_movemask_epi8(digits));
  const uint32_t n = _tzcnt_u32(others);  // at most 16
  const char behind = at[n];
  if (n > 0 && n < 16 && (*at != '0' || n == 1) && behind != '.' && (behind | 0x20) != 'e') return at + n;
  const char* last = at;
  while (last < end &&
         (is_json_digit(*last) || *last == '-' || *last == '+' || *last == '.' || (*last | 0x20) == 'e')) {
    ++last;
  }
  return is_json_number({at, static_cast<size_t>(last - at)}) ? last : nullptr;
}

/// The first byte from `at` on that is no white space, or `end`. Records may be padded to a fixed size.
STREAM_AVX2 inline const char* skip_space(const char* at, const char* end) {
  while (at < end && *at == ' ') {
    const auto spaces = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(at), _mm256_set1_epi8(' '))));
    at += spaces == UINT32_MAX ? kBytes : _tzcnt_u32(~spaces);
  }
  while (at < end && is_json_space(*at)) ++at;
  return std::min(at, end);
}

/// Are all bytes within their bounds, and no quotes or backslashes where there must be none?
template <class Block>
STREAM_AVX2 inline bool is_within(const char* at, const Block* block, const Block* last, __m256i quote,
                                  __m256i backslash) {
  __m256i outside = _mm256_setzero_si256();
  for (; block != last; ++block, at += kBytes) {
    const __m256i bytes = load(at);
    const __m256i bounds = _mm256_or_si256(_mm256_subs_epu8(load(block->low.data()), bytes),
                                           _mm256_subs_epu8(bytes, load(block->high.data())));
    const __m256i stops = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash));
    outside = _mm256_or_si256(outside, _mm256_or_si256(bounds, _mm256_and_si256(stops, load(block->plain.data()))));
  }
  return _mm256_testz_si256(outside, outside) != 0;
}

/// How many bytes of a string stand before its closing quote; none when that is not among the next 33, or anything
/// but plain ASCII comes before.
STREAM_AVX2 inline bool is_short_string(const char* at, uint32_t& size, __m256i quote, __m256i backslash,
                                        __m256i space) {
  const __m256i bytes = load(at);
  const __m256i stops =
      _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash)),
                      _mm256_cmpgt_epi8(space, bytes));  // all beyond ASCII are less than a space, too
  size = _tzcnt_u32(static_cast<uint32_t>(_mm256_movemask_epi8(stops)));
  return at[size] == '"';
}

/// How many bytes a number has; none unless it is a plain decimal of less than 16 bytes: digits, perhaps with a sign
/// before and a fraction behind.
STREAM_AVX2 inline bool is_short_number(const char* at, uint32_t& size) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));  // NOLINT
  const __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
  const uint32_t others = ~static_cast<uint32_t>(_mm_movemask_epi8(digits));  // all from the 17th on
  const uint32_t first = *at == '-' ? 1 : 0;
  const uint32_t point = first + _tzcnt_u32(others >> first);
  if (point == first || (at[first] == '0' && point != first + 1)) return false;
  size = point;
  if (at[point] == '.') {
    size = point + 1 + _tzcnt_u32(others >> (point + 1));
    if (size == point + 1) return false;
  }
  return size < 16 && (at[size] | 0x20) != 'e';
}

/// Behind the scalar that begins at `at`; null when there is none before `end`.
STREAM_AVX2 __attribute__((noinline)) const char* skip_value(const char* at, const char* end, JsonValue& value,
                                                             bool& non_ascii) {
  const char* const begin = at;
  Seen seen;
  switch (*begin) {
    case '"':
      value.type = JsonType::string;
      at = skip_string(begin + 1, end, seen);
      if (!at) return nullptr;
      non_ascii |= seen.non_ascii;
      if (seen.escaped && !has_valid_escapes({begin + 1, static_cast<size_t>(at - begin) - 1})) return nullptr;
      ++at;
      break;
    case 't':
      value.type = JsonType::boolean;
      if (std::memcmp(begin, "true", 4) != 0) return nullptr;
      at += 4;
      break;
    case 'f':
      value.type = JsonType::boolean;
      if (std::memcmp(begin, "false", 5) != 0) return nullptr;
      at += 5;
      break;
    case 'n':
      value.type = JsonType::null;
      if (std::memcmp(begin, "null", 4) != 0) return nullptr;
      at += 4;
      break;
    default:
      value.type = JsonType::number;
      at = skip_number(begin, end);
      if (!at) return nullptr;
  }
  if (at > end) return nullptr;
  value.escaped = seen.escaped;
  value.raw = {begin, static_cast<size_t>(at - begin)};
  return at;
}

STREAM_AVX2 inline bool all_spaces(const char* at, const char* end) {
  const __m256i space = _mm256_set1_epi8(' ');
  for (; end - at > static_cast<ptrdiff_t>(kBytes); at += kBytes) {
    if (static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(at), space))) != UINT32_MAX) return false;
  }
  const auto others = ~static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(at), space)));
  return end - at <= static_cast<ptrdiff_t>(_tzcnt_u32(others));  // of no others 32
}

}  // namespace

STREAM_AVX2 bool Shape::match(std::string_view record, std::span<JsonValue> values) {
  const char* at = record.data();
  const char* const end = at + record.size();
  const Block* block = blocks_.data();
  const Fixed* fixed = fixed_.data();
  uint32_t* start = starts_.empty() ? nullptr : starts_.data();
  bool non_ascii = false;
  const __m256i quote = all_of('"'), backslash = all_of('\\'), space = all_of(' ');
  for (const Stretch& stretch : stretches_) {
    const Block* const last_block = block + stretch.blocks;
    if (end - at < ptrdiff_t{stretch.size}) return false;
    if (!is_within(at, block, last_block, quote, backslash)) {
      if (!is_json_space(*at)) return false;
      at = skip_space(at, end);
      if (end - at < ptrdiff_t{stretch.size} || !is_within(at, block, last_block, quote, backslash)) return false;
    }
    block = last_block;
    if (start) *start++ = static_cast<uint32_t>(at - record.data());
    for (uint32_t n = stretch.fixed; n != 0; --n, ++fixed) {
      values[fixed->slot] = {.type = fixed->type, .escaped = false, .raw = {at + fixed->offset, fixed->size}};
    }
    at += stretch.size;
    if (stretch.is_last) break;
    const char* const begin = at;
    if (uint32_t size = 0; *at == '"' && is_short_string(at + 1, size, quote, backslash, space)) {
      at += size + 2;
      if (at > end) return false;
      if (stretch.slot != kNoSlot) {
        values[stretch.slot] = {.type = JsonType::string, .escaped = false, .raw = {begin, size + 2}};
      }
      continue;
    }
    if (uint32_t size = 0; *at <= '9' && is_short_number(at, size)) {
      at += size;
      if (at > end) return false;
      if (stretch.slot != kNoSlot)
        values[stretch.slot] = {.type = JsonType::number, .escaped = false, .raw = {begin, size}};
      continue;
    }
    JsonValue value;
    at = skip_value(at, end, value, non_ascii);
    if (!at) return false;
    if (stretch.slot != kNoSlot) values[stretch.slot] = value;
  }
  // Mostly nothing but spaces stand before the tail, and nothing behind it.
  const size_t tail_size = tail_end_ - tail_begin_;
  if (static_cast<size_t>(end - at) < tail_size) return false;
  const char* tail = end - tail_size;
  const char* const literal = record_.data() + tail_begin_;
  const bool is_tail = tail_size == 1 ? *tail == *literal : std::memcmp(tail, literal, tail_size) == 0;
  if (!is_tail || !all_spaces(at, tail)) {
    tail = skip_space(at, end);
    if (static_cast<size_t>(end - tail) < tail_size || std::memcmp(tail, literal, tail_size) != 0) return false;
    if (skip_space(tail + tail_size, end) != end) return false;
  }
  if (non_ascii && !is_valid_utf8(record)) return false;
  for (const uint16_t slot : missing_) values[slot] = JsonValue{};
  if (!containers_.empty()) {
    starts_.back() = static_cast<uint32_t>(tail - record.data());
    set_containers(record, values);
  }
  return true;
}

#else

bool Shape::supported() { return false; }
bool Shape::match(std::string_view, std::span<JsonValue>) { return false; }

#endif

}  // namespace streamutils
