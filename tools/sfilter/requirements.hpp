// SPDX-License-Identifier: Apache-2.0
// What --require demands of a record: fields that are there and of a type.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/record_parser.hpp"

namespace streamutils::sfilter {

class Requirements {
 public:
  /// Adds those of one --require value: "name[?][:type], ...", type one of string, number, integer, boolean, object,
  /// array, any. Without a type any value but null will do; with '?' the field may be absent or null. On failure: a
  /// usage error.
  Status add(std::string_view text, FieldSet& fields);
  /// Empty when the record has all; else the reason of the first that it lacks: "missing_field:user_id",
  /// "wrong_type:latency_ms". The view lives as long as this object.
  [[nodiscard]] std::string_view check(std::span<const JsonValue> values) const;

 private:
  enum class Type { any, string, number, integer, boolean, object, array };
  struct Requirement {
    size_t slot;
    Type type;
    bool optional;
    std::string missing, wrong_type;
  };
  static bool matches(Type type, const JsonValue& value);
  static bool parse_type(std::string_view word, Type& type);
  std::vector<Requirement> requirements_;
};

}  // namespace streamutils::sfilter
