// SPDX-License-Identifier: Apache-2.0
// The grammar of single JSON tokens (RFC 8259), byte by byte.
#pragma once
#include <string_view>

namespace streamutils {

inline bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
inline bool is_json_digit(char c) { return c >= '0' && c <= '9'; }

/// True when all of `text` is one number.
inline bool is_json_number(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto skip_digits = [&] {
    const char* const begin = at;
    while (at != end && is_json_digit(*at)) ++at;
    return at - begin;
  };
  if (at != end && *at == '-') ++at;
  const bool leading_zero = at != end && *at == '0';
  const auto digits = skip_digits();
  if (digits == 0 || (leading_zero && digits > 1)) return false;
  if (at == end) return true;
  if (*at == '.') {
    ++at;
    if (skip_digits() == 0) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    if (skip_digits() == 0) return false;
  }
  return at == end;
}

/// True when every backslash in the body of a string begins an escape of RFC 8259, and every quote is escaped.
/// Surrogates need no partner.
bool has_valid_escapes(std::string_view body);

}  // namespace streamutils
