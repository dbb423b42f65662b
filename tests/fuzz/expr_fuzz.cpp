// SPDX-License-Identifier: Apache-2.0
// Any bytes as an expression and as an aggregate list. What compiles has a canonical text that compiles to itself, and
// gives the same on one record; nothing crashes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/expr/aggregate_list.hpp"
#include "lib/expr/expression.hpp"
#include "lib/json/record_parser.hpp"

namespace {

using streamutils::FieldSet;
using streamutils::JsonValue;
using streamutils::expr::Expression;

// Canonical text may be longer than what it was compiled from (\u0001 for one byte); this keeps it within the limit.
constexpr size_t kMaxInput = streamutils::expr::kMaxExpressionBytes / 8;

constexpr std::string_view kRecord =
    R"({"a":1,"b":-2.5,"c":"x\u00e9\n","d":true,"e":null,"f":[1],"g":{"h":"Y"},"i":9223372036854775807,"j":1e400,)"
    R"("k":1e-399,"l":9.99999999999999999999999999999999e399,"m":"","n":"12"})";

std::string evaluated(const Expression& expression, const FieldSet& fields) {
  static const std::string padded = std::string(kRecord) + std::string(streamutils::kJsonPadding, ' ');
  std::vector<JsonValue> values(fields.size());
  streamutils::RecordParser parser(fields);
  if (parser.parse(std::string_view(padded).substr(0, kRecord.size()), values) != streamutils::ParseError::none) {
    __builtin_trap();
  }
  streamutils::expr::Scratch scratch;
  std::string out;
  append_json(out, expression.evaluate(values, scratch));
  if (expression.matches(values, scratch) != (out == "true")) __builtin_trap();
  return out;
}

void check_expression(std::string_view text) {
  FieldSet fields;
  const auto first = Expression::compile(text, fields);
  if (!first.ok()) return;
  const std::string canonical = first->text();
  FieldSet again;
  const auto second = Expression::compile(canonical, again);
  if (!second.ok() || second->text() != canonical) __builtin_trap();
  if (evaluated(*first, fields) != evaluated(*second, again)) __builtin_trap();
}

void check_list(std::string_view text) {
  FieldSet fields;
  const auto list = streamutils::expr::parse_aggregates(text, fields);
  if (!list.ok()) return;
  for (const auto& item : list->items) {
    if (item.where) evaluated(*item.where, fields);
    if (item.over_results) evaluated(*item.over_results, list->results);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMaxInput) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_expression(text);
  check_list(text);
  return 0;
}
