// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/canonical.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/json/text.hpp"

namespace streamutils::window {

namespace {

constexpr uint64_t kSeed = 0x73747265616d7574;  // "streamut": part of the saved state, never to change

enum class Rank : uint8_t { number, string, other };

Rank rank_of(std::string_view text) {
  if (text.front() == '"') return Rank::string;
  return text.front() == '-' || (text.front() >= '0' && text.front() <= '9') ? Rank::number : Rank::other;
}

std::string unescaped(std::string_view text) {
  std::string bytes;
  append_unescaped(bytes, text.substr(1, text.size() - 2));
  return bytes;
}

}  // namespace

std::string_view make_canonical(const JsonValue& value, expr::Scratch& scratch) {
  std::string& text = scratch.next();
  if (!append_canonical(text, value)) append_minified(text, value.raw);
  return text;
}

uint64_t canonical_hash(std::string_view text) { return XXH3_64bits_withSeed(text.data(), text.size(), kSeed); }

bool canonical_before(std::string_view a, std::string_view b) {
  const Rank rank = rank_of(a);
  if (rank != rank_of(b)) return rank < rank_of(b);
  if (rank == Rank::number) return Decimal::parse(a).value_or(Decimal()) < Decimal::parse(b).value_or(Decimal());
  const bool escapes = rank == Rank::string && (a.find('\\') != a.npos || b.find('\\') != b.npos);
  if (escapes) return unescaped(a) < unescaped(b);
  // Without the quotes: "ab" comes behind "a", whatever the byte behind it is.
  return rank == Rank::string ? a.substr(1, a.size() - 2) < b.substr(1, b.size() - 2) : a < b;
}

JsonValue value_of(std::string_view text) {
  JsonValue value{JsonType::number, false, text};
  switch (text.front()) {
    case '"':
      value.type = JsonType::string;
      value.escaped = text.find('\\') != std::string_view::npos;
      break;
    case 'n':
      value.type = JsonType::null;
      break;
    case 't':
    case 'f':
      value.type = JsonType::boolean;
      break;
    case '[':
      value.type = JsonType::array;
      break;
    case '{':
      value.type = JsonType::object;
      break;
    default:
      break;
  }
  return value;
}

}  // namespace streamutils::window
