// SPDX-License-Identifier: Apache-2.0
// The folder of a record's part, made of its fields: `{site}/{window_start}`.
//
// Invariants: whatever the fields hold,
//  1. The path is relative, and none of its components is empty, begins with '.' (so none is "." or "..", and none is
//     hidden) or is longer than kMaxComponentBytes.
//  2. A field adds no component: '/' in a value is written %2F. So are '%', control characters (NUL among them), and a
//     '.' at the beginning of a component. Different values give different names.
// Thread rule: one thread.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "lib/json/template.hpp"

namespace streamutils::ssink_file {

inline constexpr size_t kMaxComponentBytes = 200;
inline constexpr size_t kMaxPathBytes = 1024;

/// Appends `value` to a path, as invariant 2 has it.
void append_component(std::string& path, std::string_view value);

class PathTemplate {
 public:
  /// Adds the fields it names to `fields`. On failure: a usage error.
  static Result<PathTemplate> parse(std::string_view text, FieldSet& fields);

  /// Sets `path`. Returns "" or why the record has none: "missing_field", "not_scalar", "name_too_long", "empty_name";
  /// then `*slot` is the field to blame.
  std::string_view render(std::span<const JsonValue> values, std::string& path, size_t* slot);
  /// How many folders deep.
  [[nodiscard]] size_t depth() const { return depth_; }

 private:
  Template name_;
  size_t depth_ = 1;
  std::string value_;
};

}  // namespace streamutils::ssink_file
