// SPDX-License-Identifier: Apache-2.0
// A JSON value as it stands in the record: its type and its own bytes, nothing copied.
#pragma once
#include <cstdint>
#include <string_view>

namespace streamutils {

enum class JsonType : uint8_t { missing, null, boolean, number, string, array, object };

/// A view of one value inside a record; lives as long as the record's bytes.
struct JsonValue {
  JsonType type = JsonType::missing;
  /// A string that holds at least one backslash; its body must be unescaped before it is compared.
  bool escaped = false;
  /// The value's own bytes without surrounding white space; a string with its quotes. Empty when missing.
  std::string_view raw;

  /// REQUIRES: type == string. The bytes between the quotes, still escaped when `escaped`.
  [[nodiscard]] std::string_view string_body() const { return {raw.data() + 1, raw.size() - 2}; }
  [[nodiscard]] bool is_true() const { return type == JsonType::boolean && raw.front() == 't'; }
};

}  // namespace streamutils
