// SPDX-License-Identifier: Apache-2.0
#include "lib/json/template.hpp"

#include <algorithm>

#include "lib/json/text.hpp"

namespace streamutils {

Result<Template> Template::parse(std::string_view text, FieldSet& fields) {
  if (text.empty()) return usage_error("a name is empty");
  Template result;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      result.tail_.push_back(c);
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == c) {
      result.tail_.push_back(c);
      ++i;
      continue;
    }
    if (c == '}') return usage_error("'{}': '}}' without '{{' at column {}; write '}}}}' for a brace", text, i + 1);
    const size_t close = text.find_first_of("{}", i + 1);
    if (close == std::string_view::npos || text[close] == '{') {
      return usage_error("'{}': '{{' without '}}' at column {}; write '{{{{' for a brace", text, i + 1);
    }
    auto slot = fields.add(text.substr(i + 1, close - i - 1));
    if (!slot.ok()) return slot.take_status().at(fmt::format("'{}', column {}", text, i + 1));
    result.pieces_.push_back({std::move(result.tail_), *slot});
    result.tail_.clear();
    i = close;
  }
  return result;
}

bool Template::uses(size_t slot) const {
  return std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) { return piece.slot == slot; });
}

std::string_view reason(Template::Outcome outcome) {
  switch (outcome) {
    case Template::Outcome::ok:
      return "";
    case Template::Outcome::missing_field:
      return "missing_field";
    case Template::Outcome::not_scalar:
      return "not_scalar";
    case Template::Outcome::too_long:
      return "name_too_long";
  }
  return "";
}

void append_plain(std::string& out, const JsonValue& value) {
  if (value.type != JsonType::string) {
    out.append(value.raw);
  } else if (value.escaped) {
    append_unescaped(out, value.string_body());
  } else {
    out.append(value.string_body());
  }
}

}  // namespace streamutils
