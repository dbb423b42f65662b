// SPDX-License-Identifier: Apache-2.0
// Values as distinct, mode and topk tell them apart: by their canonical JSON. 1, 1.0 and 10e-1 are one value, "1" is
// another; arrays and objects by their minified text.
#pragma once
#include <cstdint>
#include <string_view>

#include "lib/expr/expression.hpp"
#include "lib/json/value.hpp"
#include "lib/window/aggregates/number.hpp"

namespace streamutils::window {

/// True when the bytes in the record are already canonical: nearly all values.
inline bool is_canonical(const JsonValue& value) {
  if (value.type == JsonType::string) return !value.escaped;
  if (value.type == JsonType::boolean) return true;
  constexpr size_t kPlain = 18;
  if (value.type != JsonType::number || value.raw.size() > kPlain || value.raw == "-0") return false;
  bool integer = true;
  for (const char c : value.raw) integer &= c == '-' || (c >= '0' && c <= '9');
  return integer;
}

/// Empty, or why the value has no canonical form: "number_out_of_range".
inline std::string_view check_canonical(const JsonValue& value) {
  return value.type == JsonType::number ? check_number(value) : std::string_view();
}
/// Makes the text in `scratch`.
std::string_view make_canonical(const JsonValue& value, expr::Scratch& scratch);
/// Of the record, or of `scratch`. REQUIRES: check_canonical() was empty.
inline std::string_view canonical_text(const JsonValue& value, expr::Scratch& scratch) {
  return is_canonical(value) ? value.raw : make_canonical(value, scratch);
}
/// 64-bit XXH3 with a fixed seed, so that states of different runs and machines merge.
uint64_t canonical_hash(std::string_view text);
/// Whether canonical text `a` comes before `b` where a tie must be decided: numbers by value, then strings by their
/// bytes, then other values by their text.
bool canonical_before(std::string_view a, std::string_view b);

/// The value that a text is. REQUIRES: a JSON value without white space around it, as results are written.
JsonValue value_of(std::string_view text);

/// mode, topk and collect keep many values, so each of them must be bounded: empty, or "value_too_large".
inline std::string_view check_size(const JsonValue& value) {
  constexpr size_t kMaxValueBytes = 4096;  // as of a key
  return value.raw.size() > kMaxValueBytes ? "value_too_large" : std::string_view();
}

}  // namespace streamutils::window
