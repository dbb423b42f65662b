// SPDX-License-Identifier: Apache-2.0
#include "lib/expr/lexer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/expr/expression.hpp"
#include "lib/json/text.hpp"

namespace streamutils::expr {
namespace {

constexpr size_t kQuotedBytes = 60;  // of the text in a message

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

bool is_ascii_name(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' || c == '$';
}

/// The length of the character at `at`, which is not ASCII. REQUIRES: valid UTF-8.
size_t character_length(std::string_view text, size_t at) {
  size_t length = 1;
  while (at + length < text.size() && is_continuation(text[at + length])) ++length;
  return length;
}

/// Typographic quotes, dashes and spaces come from word processors: as parts of a name they would read a field that no
/// record has, and so hide the mistake.
bool is_foreign_name(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
  if (byte(0) == 0xC2) return false;                                          // U+0080..U+00BF
  if (byte(0) == 0xE2 && (byte(1) == 0x80 || byte(1) == 0x81)) return false;  // U+2000..U+207F
  if (byte(0) == 0xE3 && byte(1) == 0x80 && byte(2) < 0xA0) return false;     // U+3000..U+301F
  return !(byte(0) == 0xEF && byte(1) == 0xBB && byte(2) == 0xBF);            // the byte order mark
}

/// The bytes that the name character at `at` takes; 0 when there is none.
size_t name_length(std::string_view text, size_t at) {
  if (at >= text.size()) return 0;
  if (static_cast<unsigned char>(text[at]) < 0x80) return is_ascii_name(text[at]) ? 1 : 0;
  const size_t length = character_length(text, at);
  return is_foreign_name(text.substr(at, length)) ? length : 0;
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      out += static_cast<char>(0xE0 | code >> 12);
    } else {
      out += static_cast<char>(0xF0 | code >> 18);
      out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    }
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
  }
  out += static_cast<char>(0x80 | (code & 0x3F));
}

struct Sign {
  std::string_view text;
  TokenKind kind;
};
// Longer signs stand before their own beginnings.
constexpr std::array kSigns = {
    Sign{"||", TokenKind::or_sign},   Sign{"&&", TokenKind::and_sign},   Sign{"==", TokenKind::equal},
    Sign{"!=", TokenKind::not_equal}, Sign{"<=", TokenKind::less_equal}, Sign{">=", TokenKind::greater_equal},
    Sign{"=~", TokenKind::match},     Sign{"(", TokenKind::left_paren},  Sign{")", TokenKind::right_paren},
    Sign{",", TokenKind::comma},      Sign{"!", TokenKind::not_sign},    Sign{"<", TokenKind::less},
    Sign{">", TokenKind::greater},    Sign{"+", TokenKind::plus},        Sign{"-", TokenKind::minus},
    Sign{"*", TokenKind::star},       Sign{"/", TokenKind::slash},       Sign{"%", TokenKind::percent},
    Sign{"=", TokenKind::assign},
};

// What people write who come from other languages, and what to write here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kForeignSigns = {{
    {"===", "=="},
    {"<>", "!="},
    {"&", "&&"},
    {"|", "||"},
    {"~", "=~"},
}};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      Token token;
      token.offset = at_;
      if (at_ == text_.size()) {
        tokens_.push_back(std::move(token));
        return std::move(tokens_);
      }
      STREAM_TRY(read(token));
      token.source = text_.substr(token.offset, at_ - token.offset);
      tokens_.push_back(std::move(token));
    }
  }

 private:
  Status read(Token& token) {
    const char c = text_[at_];
    if (is_digit(c)) return read_number(token);
    if (c == '"' || c == '\'') return read_string(token, c);
    if (c == '`' || name_length(text_, at_) > 0) return read_path(token);
    return read_sign(token);
  }

  Status read_sign(Token& token) {
    const std::string_view rest = text_.substr(at_);
    const bool doubled = rest.starts_with("&&") || rest.starts_with("||");
    for (const auto& [foreign, ours] : kForeignSigns) {
      if (!doubled && rest.starts_with(foreign)) {
        return error_at(text_, at_, fmt::format("unexpected '{}'; write '{}'", foreign, ours));
      }
    }
    for (const Sign& sign : kSigns) {
      if (!rest.starts_with(sign.text)) continue;
      token.kind = sign.kind;
      at_ += sign.text.size();
      return {};
    }
    const size_t length = static_cast<unsigned char>(text_[at_]) < 0x80 ? 1 : character_length(text_, at_);
    if (length == 1 && static_cast<unsigned char>(text_[at_]) < 0x20) {
      return error_at(text_, at_, "unexpected control character");
    }
    return error_at(text_, at_, fmt::format("unexpected '{}'", text_.substr(at_, length)));
  }

  Status read_number(Token& token) {
    token.kind = TokenKind::number;
    if (text_[at_] == '0' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) {
      return error_at(text_, at_, "a number does not begin with 0");
    }
    skip_digits();
    if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
      ++at_;
      skip_digits();
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      size_t digits = at_ + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-')) ++digits;
      if (digits < text_.size() && is_digit(text_[digits])) {
        at_ = digits;
        skip_digits();
      }
    }
    if (at_ < text_.size() && (text_[at_] == '.' || name_length(text_, at_) > 0)) {
      return error_at(text_, token.offset, "bad number; a field whose name begins with a digit stands in backquotes");
    }
    return {};
  }

  void skip_digits() {
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  }

  Status read_path(Token& token) {
    bool quoted = false;
    for (;;) {
      STREAM_TRY(read_part(token, quoted));
      const bool more =
          at_ + 1 < text_.size() && text_[at_] == '.' && (text_[at_ + 1] == '`' || name_length(text_, at_ + 1) > 0);
      if (!more) break;
      ++at_;
    }
    if (at_ < text_.size() && text_[at_] == '.') return error_at(text_, at_, "expected a name after '.'");
    token.plain = token.parts.size() == 1 && !quoted;
    token.kind = token.plain ? word_kind(token.parts.front()) : TokenKind::path;
    return {};
  }

  Status read_part(Token& token, bool& quoted) {
    std::string& part = token.parts.emplace_back();
    if (text_[at_] != '`') {
      while (const size_t length = name_length(text_, at_)) {
        part += text_.substr(at_, length);
        at_ += length;
      }
      return {};
    }
    quoted = true;
    const size_t start = at_++;
    for (;; ++at_) {
      if (at_ == text_.size()) return error_at(text_, start, "this backquote is not closed");
      if (text_[at_] == '`') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '`') break;
      }
      part += text_[at_];
    }
    return part.empty() ? error_at(text_, start, "a field needs a name") : Status();
  }

  static TokenKind word_kind(std::string_view word) {
    if (word == "true") return TokenKind::true_word;
    if (word == "false") return TokenKind::false_word;
    if (word == "null") return TokenKind::null_word;
    return word == "in" ? TokenKind::in_word : TokenKind::path;
  }

  Status read_string(Token& token, char quote) {
    token.kind = TokenKind::string;
    ++at_;
    for (;;) {
      if (at_ == text_.size()) return error_at(text_, token.offset, "this quote is not closed");
      const char c = text_[at_++];
      if (c == quote) return {};
      if (c != '\\') {
        token.text += c;
        continue;
      }
      STREAM_TRY(read_escape(token));
    }
  }

  Status read_escape(Token& token) {
    const size_t start = at_ - 1;
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    constexpr std::string_view kLetters = "\"'\\/bfnrt";
    constexpr std::string_view kMeanings = "\"'\\/\b\f\n\r\t";
    if (c != '\0' && kLetters.find(c) != std::string_view::npos) {
      token.text += kMeanings[kLetters.find(c)];
      return {};
    }
    if (c != 'u') {
      return error_at(text_, start, "unknown escape in a string; a backslash itself is written '\\\\'");
    }
    uint32_t code = 0;
    if (!read_hex4(code)) return error_at(text_, start, "'\\u' needs four hexadecimal digits");
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      uint32_t low = 0;
      at_ += 2;
      if (read_hex4(low) && low >= 0xDC00 && low < 0xE000) code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code < 0xE000) return error_at(text_, start, "half a surrogate pair is no character");
    append_utf8(token.text, code);
    return {};
  }

  bool read_hex4(uint32_t& code) {
    if (text_.size() - at_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const char lower = static_cast<char>(c | 0x20);
      if (is_digit(c)) {
        code = code * 16 + static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        return false;
      }
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

size_t column_of(std::string_view text, size_t offset) {
  size_t column = 1;
  for (size_t i = 0; i < offset; ++i) column += is_continuation(text[i]) ? 0 : 1;
  return column;
}

Status error_at(std::string_view text, size_t offset, std::string_view message) {
  size_t begin = offset > kQuotedBytes / 2 ? offset - kQuotedBytes / 2 : 0;
  if (text.size() <= kQuotedBytes) begin = 0;
  while (begin > 0 && is_continuation(text[begin])) --begin;
  size_t end = std::min(text.size(), begin + kQuotedBytes);
  while (end < text.size() && is_continuation(text[end])) ++end;
  std::string quoted(text.substr(begin, end - begin));
  for (char& c : quoted) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return usage_error("column {}: {} in '{}{}{}'", column_of(text, offset), message, begin > 0 ? "…" : "", quoted,
                     end < text.size() ? "…" : "");
}

std::string field_path(const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += '.';
    for (const char c : parts[i]) {
      if (c == '.' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text;
}

bool is_keyword(std::string_view word) {
  return word == "true" || word == "false" || word == "null" || word == "in" || word == "where";
}

bool is_plain_part(std::string_view part, bool front) {
  if (part.empty() || (front && is_digit(part.front()))) return false;
  size_t at = 0;
  while (const size_t length = name_length(part, at)) at += length;
  return at == part.size();
}

Result<std::vector<Token>> lex(std::string_view text) {
  if (text.size() > kMaxExpressionBytes) {
    return usage_error("the expression has {} bytes; the limit is {}", text.size(), kMaxExpressionBytes);
  }
  if (!is_valid_utf8(text)) return usage_error("the expression is not valid UTF-8");
  return Lexer(text).run();
}

std::string clipped(std::string_view source) {
  constexpr size_t kBytes = 40;
  if (source.size() <= kBytes) return std::string(source);
  size_t end = kBytes;
  while ((static_cast<unsigned char>(source[end]) & 0xC0) == 0x80) --end;
  return std::string(source.substr(0, end)) + "…";
}

}  // namespace streamutils::expr
