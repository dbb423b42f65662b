// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/expr/evaluator.hpp"

namespace streamutils::expr {
namespace {

struct Case {
  std::string_view expression;
  std::string_view expected;  ///< how the message begins
};

void check(std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    EXPECT_EQ(compile_error(one.expression).substr(0, one.expected.size()), one.expected) << one.expression;
  }
}

TEST(Errors, PointAtTheColumn) {
  check({
      {"", "column 1: expected a value in ''"},
      {"a ==", "column 5: expected a value after '==' in 'a =='"},
      {"a == && b", "column 6: expected a value after '==', not '&&'"},
      {"a && ", "column 6: expected a value after '&&'"},
      {"(a == 1", "column 8: expected an operator or ')' after '1'"},
      {"a == 1)", "column 7: this ')' closes nothing"},
      {"a == 1 b", "column 8: expected an operator before 'b'"},
      {"é == 1 b", "column 8: expected an operator before 'b'"},
      {"a = 1", "column 3: unexpected '='; write '==' to compare"},
      {"a === 1", "column 3: unexpected '==='; write '=='"},
      {"a <> 1", "column 3: unexpected '<>'; write '!='"},
      {"a & b", "column 3: unexpected '&'; write '&&'"},
      {"a | b", "column 3: unexpected '|'; write '||'"},
      {"a ~ 'b'", "column 3: unexpected '~'; write '=~'"},
      {"a and b", "column 3: expected an operator before 'and'; write '&&'"},
      {"a OR b", "column 3: expected an operator before 'OR'; write '||'"},
      {"not a", "column 5: expected an operator before 'a'"},
      {"a, b", "column 2: unexpected ','"},
      {"a < b < c", "column 7: comparisons do not chain"},
      {"a == !b", "column 6: '!' binds less than this"},
      {"a # b", "column 3: unexpected '#'"},
      {"a == “x”", "column 6: unexpected '“'"},
      {"a\u00a0== 1", "column 2: unexpected"},
  });
}

TEST(Errors, Literals) {
  check({
      {"a == \"x", "column 6: this quote is not closed"},
      {"a == 'x\"", "column 6: this quote is not closed"},
      {"`a == 1", "column 1: this backquote is not closed"},
      {"a + ``", "column 5: a field needs a name"},
      {"a. == 1", "column 2: expected a name after '.'"},
      {R"(a == "x\d")", "column 8: unknown escape in a string; a backslash itself is written '\\\\'"},
      {R"("\u12g4")", "column 2: '\\u' needs four hexadecimal digits"},
      {R"("\u12")", "column 2: '\\u' needs four hexadecimal digits"},
      {R"("\ud800")", "column 2: half a surrogate pair is no character"},
      {R"("\ud800\u0041")", "column 2: half a surrogate pair is no character"},
      {R"("\udc00")", "column 2: half a surrogate pair is no character"},
      {"a == 012", "column 6: a number does not begin with 0"},
      {"a == 12abc", "column 6: bad number"},
      {"a == 1.", "column 6: bad number"},
      {"a == 1e", "column 6: bad number"},
      {"a == 1e999", "column 6: number out of range"},
      {"\xff", "the expression is not valid UTF-8"},
  });
}

TEST(Errors, CallsAndPatterns) {
  check({
      {"foo(a)", "column 1: no function 'foo'; there are has(f), starts_with(s, p), "},
      {"a.b(c)", "column 1: no function 'a.b'"},
      {"1 + lower()", "column 5: wrong number of arguments for lower(s)"},
      {"lower(a, b)", "column 1: wrong number of arguments for lower(s)"},
      {"if(a, b)", "column 1: wrong number of arguments for if(c, a, b)"},
      {"coalesce()", "column 1: wrong number of arguments for coalesce(a, …)"},
      {"has(1)", "column 5: has() takes a field"},
      {"has(a + 1)", "column 5: has() takes a field"},
      {"lower(a", "column 8: expected ',' or ')' after 'a'"},
      {"lower(a b)", "column 9: expected ',' or ')' after 'a', not 'b'"},
      {"a =~ b", "column 6: expected a pattern in quotes after '=~', not 'b'"},
      {"a =~ \"(\"", "column 6: bad pattern: missing )"},
      {"a in 1", "column 6: expected '(' after 'in', not '1'"},
      {"a in ()", "column 7: expected at least one value in 'in (…)'"},
      {"a in (1,)", "column 9: expected a value after ',', not ')'"},
  });
}

TEST(Errors, LongTextsAreCutAroundTheColumn) {
  const std::string message = compile_error(std::string(300, ' ') + "é == " + std::string(300, ' ') + "#");
  EXPECT_TRUE(message.starts_with("column 606: unexpected '#' in '…")) << message;
  EXPECT_LT(message.size(), 120u);
  EXPECT_LT(compile_error("a " + std::string(60'000, 'x')).size(), 200u);
  EXPECT_EQ(compile_error("a\n#\t"), "column 3: unexpected '#' in 'a # '");
}

TEST(Errors, SizeIsBounded) {
  EXPECT_EQ(compile_error(std::string(kMaxExpressionBytes - 1, ' ') + "a"), "");
  EXPECT_EQ(compile_error(std::string(kMaxExpressionBytes, ' ') + "a"),
            "the expression has 65537 bytes; the limit is 65536");
}

TEST(Errors, DepthIsBounded) {
  const auto nested = [](size_t depth, std::string_view open, std::string_view close) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += open;
    text += "a";
    for (size_t i = 0; i < depth; ++i) text += close;
    return compile_error(text);
  };
  for (const auto& [open, close] : {std::pair("(", ")"), std::pair("-", ""), std::pair("!", ""), std::pair("abs(", ")"),
                                    std::pair("1 in (", ")"), std::pair("-(!", ")")}) {
    EXPECT_EQ(nested(30, open, close), "") << open;
    EXPECT_NE(nested(101, open, close).find("nested deeper than 100"), std::string::npos) << open;
    EXPECT_NE(nested(8'000, open, close).find("nested deeper than 100"), std::string::npos) << open;
  }
}

}  // namespace
}  // namespace streamutils::expr
