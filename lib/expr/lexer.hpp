// SPDX-License-Identifier: Apache-2.0
// Tokens of an expression or an aggregate list, and errors that point into the text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"

namespace streamutils::expr {

enum class TokenKind : uint8_t {
  end,
  path,  ///< a field, a function's or a result's name
  number,
  string,
  true_word,
  false_word,
  null_word,
  in_word,
  left_paren,
  right_paren,
  comma,
  or_sign,
  and_sign,
  not_sign,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  match,
  plus,
  minus,
  star,
  slash,
  percent,
  assign,
};

struct Token {
  TokenKind kind = TokenKind::end;
  bool plain = false;              ///< a path of one part without backquotes
  size_t offset = 0;               ///< in bytes
  std::string_view source;         ///< its bytes in the text; empty at the end
  std::vector<std::string> parts;  ///< of a path, unquoted
  std::string text;                ///< of a string, unescaped
};

/// All tokens of `text`, the last of kind `end`; they live as long as `text`. On failure (more than
/// kMaxExpressionBytes, not UTF-8, a character, number or string that is none): a usage error with the column.
Result<std::vector<Token>> lex(std::string_view text);

/// The column of a byte offset: characters, from 1. REQUIRES: offset <= text.size().
size_t column_of(std::string_view text, size_t offset);
/// A usage error "column 12: <message> in '<the text around it>'".
Status error_at(std::string_view text, size_t offset, std::string_view message);

/// A path's parts as FieldSet::add takes them.
std::string field_path(const std::vector<std::string>& parts);
/// A path's parts as an expression has them, with backquotes where they are needed.
std::string path_text(const std::vector<std::string>& parts);
/// Whether `part` needs no backquotes where it stands: at the front of a path, or behind a dot.
bool is_plain_part(std::string_view part, bool front);
/// Words that a field of one part can only be in backquotes.
bool is_keyword(std::string_view word);

/// A token's text as a message shows it: a long one would bury the message.
std::string clipped(std::string_view source);

}  // namespace streamutils::expr
