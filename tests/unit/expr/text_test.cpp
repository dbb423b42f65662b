// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/expr/evaluator.hpp"

namespace streamutils::expr {
namespace {

struct Case {
  std::string_view expression;
  std::string_view expected;
};

constexpr Case kCases[] = {
    {"a==1", "a == 1"},
    {"  a\t==\n1 ", "a == 1"},
    {"((a))", "a"},
    {"a&&b||c", "a && b || c"},
    {"a&&(b||c)", "a && (b || c)"},
    {"(a&&b)&&c", "(a && b) && c"},
    {"!a==b", "!a == b"},
    {"!(a&&b)", "!(a && b)"},
    {"!!a", "!!a"},
    {"(!a)==b", "(!a) == b"},
    {"a-(b-c)", "a - (b - c)"},
    {"(a+b)*c%d", "(a + b) * c % d"},
    {"a*(b*c)", "a * (b * c)"},
    {"-(a+b)", "-(a + b)"},
    {"- - a", "--a"},
    {"- 5", "-5"},
    {"--5", "5"},
    {"1.50e1", "15"},
    {"1e30", "1e+30"},
    {"0.00000001", "1e-8"},
    {"(a<b)==(c<d)", "(a < b) == (c < d)"},
    {"(a in(1,'x'))==true", "(a in (1, \"x\")) == true"},
    {"a=~'x\\\\.y'", "a =~ \"x\\\\.y\""},
    {"if( a ,b,null )", "if(a, b, null)"},
    {"`a`.`b c`.`in`", "a.`b c`.in"},
    {"`in`", "`in`"},
    {"`where`", "`where`"},
    {"`1a`.`2`", "`1a`.2"},
    {"`a``b`", "`a``b`"},
    {"'\\u0001\\'\"'", "\"\\u0001'\\\"\""},
    {"a<=b", "a <= b"},
    {"-9223372036854775808", "-9223372036854775808"},
};

TEST(Text, IsCanonical) {
  for (const Case& one : kCases) EXPECT_EQ(canonical(one.expression), one.expected) << one.expression;
}

TEST(Text, CompilesToItself) {
  for (const Case& one : kCases) EXPECT_EQ(canonical(one.expected), one.expected);
}

}  // namespace
}  // namespace streamutils::expr
