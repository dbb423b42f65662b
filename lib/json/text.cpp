// SPDX-License-Identifier: Apache-2.0
#include "lib/json/text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/json/decimal.hpp"

namespace streamutils {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

bool needs_escape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

/// REQUIRES: needs_escape(c)
void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view kShortForms = "\bb\tt\nn\ff\rr\"\"\\\\";  // character, letter, character, letter, ...
  for (size_t i = 0; i < kShortForms.size(); i += 2) {
    if (static_cast<unsigned char>(kShortForms[i]) == c) {
      out += '\\';
      out += kShortForms[i + 1];
      return;
    }
  }
  out += "\\u00";
  out += kHexDigits[c >> 4];
  out += kHexDigits[c & 15];
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

uint32_t hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
  return static_cast<uint32_t>((c | 0x20) - 'a' + 10);
}

/// The code unit of "\uXXXX" at the front of `text`; 0 (no surrogate) when there is none.
uint32_t peek_code_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return 0;
  return hex_value(text[2]) << 12 | hex_value(text[3]) << 8 | hex_value(text[4]) << 4 | hex_value(text[5]);
}

/// Takes the escape at the front of `text` off and returns its code point; U+FFFD for a lone surrogate.
uint32_t take_escape(std::string_view& text) {
  constexpr uint32_t kReplacement = 0xFFFD;
  const char kind = text.size() > 1 ? text[1] : '\\';
  if (kind != 'u') {
    text.remove_prefix(std::min<size_t>(2, text.size()));
    constexpr std::string_view kLetters = "bfnrt";
    const size_t letter = kLetters.find(kind);
    return static_cast<unsigned char>(letter == std::string_view::npos ? kind : "\b\f\n\r\t"[letter]);
  }
  const uint32_t unit = peek_code_unit(text);
  text.remove_prefix(std::min<size_t>(6, text.size()));
  if (unit < 0xD800 || unit > 0xDFFF) return unit;
  const uint32_t low = peek_code_unit(text);
  if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF) return kReplacement;
  text.remove_prefix(6);
  return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/// Calls `literal(bytes)` for the stretches without a backslash and `escape(code point)` for each escape, in order.
template <class Literal, class Escape>
void walk_body(std::string_view body, Literal literal, Escape escape) {
  while (!body.empty()) {
    const size_t plain = std::min(body.find('\\'), body.size());
    literal(body.substr(0, plain));
    body.remove_prefix(plain);
    if (!body.empty()) escape(take_escape(body));
  }
}

/// Strings as an escaped record writes them, in their one minimal form.
void append_canonical_string(std::string& out, const JsonValue& value) {
  if (!value.escaped) {
    out += value.raw;  // without a backslash the record's own bytes are already minimal
    return;
  }
  out += '"';
  walk_body(
      value.string_body(), [&](std::string_view bytes) { out += bytes; },
      [&](uint32_t code) {
        if (code < 0x80 && needs_escape(static_cast<unsigned char>(code))) {
          append_escape(out, static_cast<unsigned char>(code));
        } else {
          append_utf8(out, code);
        }
      });
  out += '"';
}

bool append_canonical_number(std::string& out, std::string_view raw) {
  constexpr size_t kPlainDigits = 20;  // fewer than Decimal's 21, whatever the sign
  const bool integer = std::all_of(raw.begin(), raw.end(), [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
  if (integer && raw.size() <= kPlainDigits && raw != "-0") {
    out += raw;
    return true;
  }
  const std::optional<Decimal> number = Decimal::parse(raw);
  if (!number) return false;
  number->append_json(out);
  return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!needs_escape(c)) continue;
    out.append(text, begin, i - begin);
    append_escape(out, c);
    begin = i + 1;
  }
  out.append(text, begin);
  out += '"';
}

void append_unescaped(std::string& out, std::string_view body) {
  walk_body(
      body, [&](std::string_view bytes) { out += bytes; }, [&](uint32_t code) { append_utf8(out, code); });
}

bool append_canonical(std::string& out, const JsonValue& value) {
  switch (value.type) {
    case JsonType::null:
    case JsonType::boolean:
      out += value.raw;
      return true;
    case JsonType::number:
      return append_canonical_number(out, value.raw);
    case JsonType::string:
      append_canonical_string(out, value);
      return true;
    case JsonType::missing:
    case JsonType::array:
    case JsonType::object:
      return false;
  }
  return false;
}

bool is_valid_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

void append_minified(std::string& out, std::string_view json) {
  const size_t before = out.size();
  out.resize(before + json.size() + simdjson::SIMDJSON_PADDING);  // simdjson writes whole blocks
  size_t length = 0;
  const auto error = simdjson::minify(json.data(), json.size(), out.data() + before, length);
  out.resize(before + (error == simdjson::SUCCESS ? length : 0));
}

}  // namespace streamutils
