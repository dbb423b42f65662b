// SPDX-License-Identifier: Apache-2.0
#include "lib/json/token.hpp"

namespace streamutils {
namespace {

bool is_hex(char c) { return is_json_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

/// The length of the escape at the front of `text`, 0 when it is none.
size_t escape_length(std::string_view text) {
  constexpr std::string_view kShort = "\"\\/bfnrt";
  if (text.size() < 2) return 0;
  if (text[1] != 'u') return kShort.find(text[1]) == std::string_view::npos ? 0 : 2;
  const bool complete = text.size() >= 6 && is_hex(text[2]) && is_hex(text[3]) && is_hex(text[4]) && is_hex(text[5]);
  return complete ? 6 : 0;
}

}  // namespace

bool has_valid_escapes(std::string_view body) {
  size_t at = 0;
  while ((at = body.find_first_of("\\\"", at)) != std::string_view::npos) {
    const size_t length = body[at] == '\\' ? escape_length(body.substr(at)) : 0;
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace streamutils
