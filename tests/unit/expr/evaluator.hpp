// SPDX-License-Identifier: Apache-2.0
// Compiles an expression and runs it over one record, both given as text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/expr/expression.hpp"
#include "lib/json/record_parser.hpp"

namespace streamutils::expr {

/// The result as JSON, or "error: …" when the expression or the record is bad.
inline std::string evaluated(std::string_view expression, std::string_view record = "{}") {
  FieldSet fields;
  auto compiled = Expression::compile(expression, fields);
  if (!compiled.ok()) return "error: " + std::string(compiled.status().message());
  std::string padded(record);
  padded.append(kJsonPadding, ' ');
  std::vector<JsonValue> values(fields.size());
  RecordParser parser(fields);
  const ParseError error = parser.parse(std::string_view(padded).substr(0, record.size()), values);
  if (error != ParseError::none) return "error: " + std::string(reason(error));
  Scratch scratch;
  std::string out;
  append_json(out, compiled->evaluate(values, scratch));
  if (compiled->matches(values, scratch) != (out == "true")) return "error: matches() differs from " + out;
  return out;
}

/// The message of a compile error; empty when there is none.
inline std::string compile_error(std::string_view expression) {
  FieldSet fields;
  auto compiled = Expression::compile(expression, fields);
  if (compiled.ok()) return "";
  return compiled.status().code() == Code::usage ? std::string(compiled.status().message())
                                                 : "error: not a usage error";
}

/// The canonical text, or "error: …".
inline std::string canonical(std::string_view expression) {
  FieldSet fields;
  auto compiled = Expression::compile(expression, fields);
  return compiled.ok() ? compiled->text() : "error: " + std::string(compiled.status().message());
}

}  // namespace streamutils::expr
