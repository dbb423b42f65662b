// SPDX-License-Identifier: Apache-2.0
#include "lib/json/shape.hpp"

#include <algorithm>
#include <cstring>

#include "lib/json/text.hpp"
#include "lib/json/token.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace streamutils {

namespace {

constexpr size_t kStep = 32;
constexpr size_t kMostLeaves = 256;
constexpr size_t kMostLiteralBytes = 8 << 10;

bool is_container(JsonType type) { return type == JsonType::array || type == JsonType::object; }
bool is_bracket_or_separator(char c) { return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ','; }

}  // namespace

void Shape::add_literal(Leaf& leaf, std::string_view text) {
  leaf.literal = static_cast<uint32_t>(literals_.size());
  leaf.length = static_cast<uint32_t>(text.size());
  leaf.mask = text.size() >= kStep ? UINT32_MAX : (uint32_t{1} << text.size()) - 1;
  literals_.insert(literals_.end(), text.begin(), text.end());
  literals_.resize(literals_.size() + kStep);  // whole steps can be read
}

bool Shape::learn(std::string_view record, const uint32_t* positions, size_t tokens,
                  std::span<const JsonValue> values) {
  leaves_.clear();
  literals_.clear();
  missing_.clear();
  containers_.clear();
  if (values.size() >= kNoSlot) return false;
  std::vector<uint32_t> begins, literals;  // where each leaf's value and what stands before it begin
  uint32_t behind = 0;                     // the value before
  const auto add = [&](size_t until) {
    while (behind < until && is_json_space(record[behind])) ++behind;
    literals.push_back(behind);
    add_literal(leaves_.emplace_back(), record.substr(behind, until - behind));
  };
  for (size_t i = 0; i < tokens; ++i) {
    const char* const begin = record.data() + positions[i];
    const bool is_key = *begin == '"' && i + 1 < tokens && record[positions[i + 1]] == ':';
    if (is_key || is_bracket_or_separator(*begin)) continue;
    if (begins.size() == kMostLeaves || literals_.size() > kMostLiteralBytes) return false;
    add(positions[i]);
    begins.push_back(positions[i]);
    behind = positions[i + 1];
    while (is_json_space(record[behind - 1])) --behind;
  }
  if (begins.empty()) return false;
  size_t size = record.size();
  while (is_json_space(record[size - 1])) --size;
  add(size);

  const auto place = [&](uint32_t at, uint32_t& leaf, uint32_t& offset) {
    leaf = static_cast<uint32_t>(std::upper_bound(begins.begin(), begins.end(), at) - begins.begin());
    offset = at - literals[leaf];
  };
  for (size_t slot = 0; slot < values.size(); ++slot) {
    const JsonValue& value = values[slot];
    const auto number = static_cast<uint16_t>(slot);
    if (value.type == JsonType::missing) {
      missing_.push_back(number);
      continue;
    }
    const auto at = static_cast<uint32_t>(value.raw.data() - record.data());
    if (is_container(value.type)) {
      Container& container = containers_.emplace_back();
      container.slot = number;
      container.type = value.type;
      place(at, container.first_leaf, container.first_offset);
      place(at + static_cast<uint32_t>(value.raw.size()) - 1, container.last_leaf, container.last_offset);
      continue;
    }
    const auto leaf = std::lower_bound(begins.begin(), begins.end(), at);
    leaves_[static_cast<size_t>(leaf - begins.begin())].slot = number;
  }
  starts_.assign(containers_.empty() ? 0 : leaves_.size(), 0);
  return true;
}

void Shape::set_containers(std::string_view record, std::span<JsonValue> values) const {
  for (const Container& container : containers_) {
    const uint32_t first = starts_[container.first_leaf] + container.first_offset;
    const uint32_t last = starts_[container.last_leaf] + container.last_offset;
    values[container.slot] = {.type = container.type, .escaped = false, .raw = record.substr(first, last + 1 - first)};
  }
}

#if defined(__x86_64__)

#define STREAM_AVX2 __attribute__((target("avx2,bmi")))

bool Shape::supported() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }

namespace {

/// What a string shows of itself while it is skipped.
struct Seen {
  bool escaped = false;
  bool non_ascii = false;
};

STREAM_AVX2 inline __m256i load(const char* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));  // NOLINT
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
      at += kStep;
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
      at += kStep;
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
    at += spaces == UINT32_MAX ? kStep : _tzcnt_u32(~spaces);
  }
  while (at < end && is_json_space(*at)) ++at;
  return std::min(at, end);
}

}  // namespace

STREAM_AVX2 inline bool Shape::same_literal(const char* at, const Leaf& leaf) const {
  const char* literal = literals_.data() + leaf.literal;
  const auto equal = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(at), load(literal))));
  if ((~equal & leaf.mask) != 0) return false;
  return leaf.length <= kStep || std::memcmp(at, literal, leaf.length) == 0;
}

STREAM_AVX2 bool Shape::match(std::string_view record, std::span<JsonValue> values) {
  const char* at = record.data();
  const char* const end = at + record.size();
  const bool keeps_starts = !containers_.empty();
  Seen all;
  for (size_t i = 0; i + 1 < leaves_.size(); ++i) {
    const Leaf& leaf = leaves_[i];
    while (is_json_space(*at) && at < end) ++at;
    if (leaf.length > static_cast<size_t>(end - at) || !same_literal(at, leaf)) return false;
    if (keeps_starts) starts_[i] = static_cast<uint32_t>(at - record.data());
    at += leaf.length;
    const char* const begin = at;
    JsonType type = JsonType::string;
    Seen seen;
    switch (*begin) {
      case '"':
        at = skip_string(begin + 1, end, seen);
        if (!at) return false;
        all.non_ascii |= seen.non_ascii;
        if (seen.escaped && !has_valid_escapes({begin + 1, static_cast<size_t>(at - begin) - 1})) return false;
        ++at;
        break;
      case 't':
        type = JsonType::boolean;
        if (std::memcmp(begin, "true", 4) != 0) return false;
        at += 4;
        break;
      case 'f':
        type = JsonType::boolean;
        if (std::memcmp(begin, "false", 5) != 0) return false;
        at += 5;
        break;
      case 'n':
        type = JsonType::null;
        if (std::memcmp(begin, "null", 4) != 0) return false;
        at += 4;
        break;
      default:
        type = JsonType::number;
        at = skip_number(begin, end);
        if (!at) return false;
    }
    if (at > end) return false;
    if (leaf.slot != kNoSlot) {
      values[leaf.slot] = {.type = type, .escaped = seen.escaped, .raw = {begin, static_cast<size_t>(at - begin)}};
    }
  }
  if (leaves_.empty()) return false;
  const Leaf& tail = leaves_.back();
  at = skip_space(at, end);
  if (tail.length > static_cast<size_t>(end - at) || !same_literal(at, tail)) return false;
  if (skip_space(at + tail.length, end) != end) return false;
  if (all.non_ascii && !is_valid_utf8(record)) return false;
  for (const uint16_t slot : missing_) values[slot] = JsonValue{};
  if (keeps_starts) {
    starts_.back() = static_cast<uint32_t>(at - record.data());
    set_containers(record, values);
  }
  return true;
}

#else

bool Shape::supported() { return false; }
bool Shape::match(std::string_view, std::span<JsonValue>) { return false; }

#endif

bool Shapes::match(std::string_view record, std::span<JsonValue> values) {
  if (rest_ > 0) {
    --rest_;
    return false;
  }
  if (known_ == 0) return false;
  for (size_t n = 0; n < known_; ++n) {
    const size_t i = (latest_ + n) % known_;
    if (!shapes_[i].match(record, values)) continue;
    latest_ = i;
    credit_ = std::min(credit_ + 1, kMostCredit);
    return true;
  }
  return false;
}

void Shapes::learn(std::string_view record, const uint32_t* positions, size_t tokens,
                   std::span<const JsonValue> values) {
  static const bool supported = Shape::supported();
  if (!supported || rest_ > 0) return;
  credit_ -= kCost;
  if (credit_ < 0) {
    rest_ = kRest;
    credit_ = kMostCredit / 2;
    return;
  }
  const size_t i = known_ < kShapes ? known_ : oldest_;
  if (!shapes_[i].learn(record, positions, tokens, values)) return;
  if (known_ < kShapes) ++known_;
  oldest_ = (i + 1) % kShapes;
  latest_ = i;
}

}  // namespace streamutils
