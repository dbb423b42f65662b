// SPDX-License-Identifier: Apache-2.0
// What a template with fields makes of a record, for tests of anything that has parse() and render().
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/json/record_parser.hpp"

namespace streamutils {

/// The text, or what parse() says; or what refusal(what render() returned, fields, slot to blame) gives, unless it is
/// empty.
template <class AnyTemplate, class Refusal>
std::string rendered_by(std::string_view text, std::string record, Refusal refusal) {
  FieldSet fields;
  auto made = AnyTemplate::parse(text, fields);
  if (!made.ok()) return std::string(made.status().message());
  const size_t size = record.size();
  record.append(kJsonPadding, '\0');
  RecordParser parser(fields);
  std::vector<JsonValue> values(fields.size());
  EXPECT_EQ(parser.parse(std::string_view(record).substr(0, size), values), ParseError::none);
  std::string out;
  size_t slot = 0;
  const auto outcome = made->render(values, out, &slot);
  const std::string refused = refusal(outcome, fields, slot);
  return refused.empty() ? out : refused;
}

}  // namespace streamutils
