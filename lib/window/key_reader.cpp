// SPDX-License-Identifier: Apache-2.0
#include "lib/window/key_reader.hpp"

#include "lib/json/text.hpp"

namespace streamutils::window {

std::string_view KeyReader::read(std::span<const JsonValue> values, std::string& text, std::string_view& key) const {
  if (slots_.size() == 1) {
    // Most keys are one plain string, whose bytes in the record are canonical already.
    const JsonValue& value = values[slots_[0]];
    if (value.type == JsonType::string && !value.escaped) {
      if (value.raw.size() > kMaxKeyBytes) return "key_too_large";
      key = value.raw;
      return {};
    }
  }
  return canonical(values, text, key);
}

std::string_view KeyReader::canonical(std::span<const JsonValue> values, std::string& text,
                                      std::string_view& key) const {
  text.clear();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (i > 0) text += ',';
    const JsonValue& value = values[slots_[i]];
    if (value.type == JsonType::missing) return "missing_key";
    if (!append_canonical(text, value)) return "bad_key";
    if (text.size() > kMaxKeyBytes) return "key_too_large";
  }
  key = text;
  return {};
}

void split_key(std::string_view key, std::span<std::string_view> parts) {
  for (std::string_view& part : parts) {
    size_t end = 0;
    if (!key.empty() && key.front() == '"') {
      end = 1;
      while (end < key.size() && key[end] != '"') end += key[end] == '\\' ? 2 : 1;
      ++end;
    } else {
      end = key.find(',');
    }
    part = key.substr(0, end);
    key.remove_prefix(end < key.size() ? end + 1 : key.size());
  }
}

}  // namespace streamutils::window
