// SPDX-License-Identifier: Apache-2.0
#include "lib/json/template.hpp"

#include <gtest/gtest.h>

#include "tests/helpers/rendered.hpp"

namespace streamutils {
namespace {

std::string rendered(std::string_view text, std::string record) {
  return rendered_by<Template>(
      text, std::move(record), [](Template::Outcome outcome, const FieldSet& fields, size_t slot) {
        return outcome == Template::Outcome::ok ? "" : fmt::format("{} {}", reason(outcome), fields.text(slot));
      });
}

TEST(Template, FillsFieldsIn) {
  EXPECT_EQ(rendered("clicks:{user}:{n}", R"({"user":"ann","n":1.50})"), "clicks:ann:1.50");
  EXPECT_EQ(rendered("{a}{a}", R"({"a":true})"), "truetrue");
  EXPECT_EQ(rendered("{a.b}", R"({"a":{"b":null}})"), "null");
  EXPECT_EQ(rendered("plain", "{}"), "plain");
  EXPECT_EQ(rendered("{s}", R"({"s":"a\"b\u00e4\n"})"), "a\"b\xc3\xa4\n");
}

TEST(Template, DoubledBracesAreBraces) {
  EXPECT_EQ(rendered("{{{a}}}", R"({"a":1})"), "{1}");
  EXPECT_EQ(rendered("{{a}}", R"({"a":1})"), "{a}");
}

TEST(Template, NamesTheFieldToBlame) {
  EXPECT_EQ(rendered("x:{a}:{b}", R"({"a":1})"), "missing_field b");
  EXPECT_EQ(rendered("{a}", R"({"a":[1]})"), "not_scalar a");
  EXPECT_EQ(rendered("{a}", R"({"a":")" + std::string(5000, 'x') + R"("})"), "name_too_long a");
}

TEST(Template, PointsAtTheColumn) {
  EXPECT_EQ(rendered("ab{c", "{}"), "'ab{c': '{' without '}' at column 3; write '{{' for a brace");
  EXPECT_EQ(rendered("ab}c", "{}"), "'ab}c': '}' without '{' at column 3; write '}}' for a brace");
  EXPECT_EQ(rendered("{a{b}", "{}"), "'{a{b}': '{' without '}' at column 1; write '{{' for a brace");
  EXPECT_NE(rendered("x{}", "{}").find("column 2"), std::string::npos);
  EXPECT_EQ(rendered("", "{}"), "a name is empty");
}

}  // namespace
}  // namespace streamutils
