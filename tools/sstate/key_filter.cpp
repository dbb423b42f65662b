// SPDX-License-Identifier: Apache-2.0
#include "tools/sstate/key_filter.hpp"

#include <algorithm>

#include "lib/json/record_parser.hpp"
#include "lib/json/text.hpp"

namespace streamutils::sstate {

namespace {

/// The members of a JSON object as unescaped names and canonical values; empty when `text` is none. On failure: a value
/// is no scalar.
Result<std::vector<std::pair<std::string, std::string>>> members_of(std::string text) {
  const size_t size = text.size();
  text.append(kJsonPadding, '\0');
  RecordParser parser{FieldSet()};
  std::vector<RecordParser::Member> members;
  std::vector<std::pair<std::string, std::string>> out;
  if (parser.parse_members(std::string_view(text).substr(0, size), members) != ParseError::none) return out;
  for (const RecordParser::Member& member : members) {
    auto& [name, value] = out.emplace_back();
    append_unescaped(name, member.raw_key.substr(1, member.raw_key.size() - 2));
    if (!append_canonical(value, member.value)) {
      return usage_error("--key: '{}' is an array or an object, which no key is", member.value.raw);
    }
  }
  return out;
}

}  // namespace

Result<KeyFilter> KeyFilter::create(std::string_view text) {
  if (!is_valid_utf8(text)) return usage_error("--key: not valid UTF-8");
  KeyFilter filter;
  STREAM_ASSIGN(filter.fields_, members_of(std::string(text)));
  if (!filter.fields_.empty()) return filter;
  STREAM_ASSIGN(const auto value, members_of(fmt::format("{{\"k\":{}}}", text)));
  if (value.size() == 1) filter.any_.push_back(value.front().second);
  append_json_string(filter.any_.emplace_back(), text);
  return filter;
}

bool KeyFilter::matches(std::span<const std::string> names, std::span<const std::string_view> values) const {
  const auto is_one_of_them = [&](const std::string& wanted) {
    return std::find(values.begin(), values.end(), wanted) != values.end();
  };
  if (fields_.empty()) return std::any_of(any_.begin(), any_.end(), is_one_of_them);
  return std::all_of(fields_.begin(), fields_.end(), [&](const auto& field) {
    if (names.size() != values.size()) return is_one_of_them(field.second);
    const auto at = std::find(names.begin(), names.end(), field.first);
    return at != names.end() && values[static_cast<size_t>(at - names.begin())] == field.second;
  });
}

}  // namespace streamutils::sstate
