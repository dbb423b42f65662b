// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/expr/evaluator.hpp"

namespace streamutils::expr {
namespace {

struct Case {
  std::string_view expression;
  std::string_view record;
  std::string_view expected;
};

void check(std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    EXPECT_EQ(evaluated(one.expression, one.record), one.expected) << one.expression << " over " << one.record;
  }
}

TEST(Evaluate, Comparisons) {
  check({
      {R"(event_type == "view")", R"({"event_type":"view"})", "true"},
      {R"(event_type == "view")", R"({"event_type":"views"})", "false"},
      {R"(event_type != "view")", R"({"event_type":"click"})", "true"},
      {R"("view" == event_type)", R"({"event_type":"view"})", "true"},
      {R"(a < "b")", R"({"a":"a"})", "true"},
      {R"(a < "b")", R"({"a":"ba"})", "false"},
      {R"(a >= "Z")", R"({"a":"a"})", "true"},
      {R"(a == b)", R"({"a":"x","b":"\u0078"})", "true"},
      {R"(a == "é\n")", R"({"a":"\u00e9\n"})", "true"},
      {R"(a < "é")", R"({"a":"\u00e8"})", "true"},
      {"status >= 500", R"({"status":500})", "true"},
      {"status >= 500", R"({"status":499})", "false"},
      {"500 <= status", R"({"status":499})", "false"},
      {"500 > status", R"({"status":499})", "true"},
      {"500 < status", R"({"status":501})", "true"},
      {"500 >= status", R"({"status":501})", "false"},
      {"status == 500", R"({"status":5e2})", "true"},
      {"status == 500", R"({"status":500.000})", "true"},
      {"status == -0", R"({"status":0.0})", "true"},
      {"price > 9.99", R"({"price":9.991})", "true"},
      {"price > 9.99", R"({"price":9})", "false"},
      {"price == 10.0", R"({"price":10})", "true"},
      {"a == b", R"({"a":1,"b":1.0})", "true"},
      {"a < b", R"({"a":1.5,"b":2})", "true"},
      {"ok == true", R"({"ok":true})", "true"},
      {"ok != true", R"({"ok":false})", "true"},
      {"false < ok", R"({"ok":true})", "true"},
      {"ok", R"({"ok":true})", "true"},
  });
}

TEST(Evaluate, IntegersBeyondDoublesAreExact) {
  check({
      {"id == 9007199254740993", R"({"id":9007199254740993})", "true"},
      {"id == 9007199254740993", R"({"id":9007199254740992})", "false"},
      {"id + 1", R"({"id":9007199254740992})", "9007199254740993"},
      {"id", R"({"id":9223372036854775807})", "9223372036854775807"},
      {"id > 9223372036854775806", R"({"id":9223372036854775807})", "true"},
      {"id == -9223372036854775808", R"({"id":-9223372036854775808})", "true"},
      {"id + 1", R"({"id":9223372036854775807})", "9223372036854775808"},
      {"id - 1", R"({"id":-9223372036854775808})", "-9223372036854775809"},
      {"id * id", R"({"id":9223372036854775807})", "8.5070591730234615847396907784232501249e+37"},
      {"-id", R"({"id":-9223372036854775808})", "9223372036854775808"},
      {"-id", R"({"id":9223372036854775808})", "-9223372036854775808"},
      {"id % -1", R"({"id":-9223372036854775808})", "0"},
      {"id == 123456789012345678901234567890", R"({"id":123456789012345678901234567890})", "true"},
      {"id < 123456789012345678901234567890", R"({"id":123456789012345678901234567889})", "true"},
  });
}

TEST(Evaluate, DecimalsAreExact) {
  check({
      {"0.1 + 0.2 == 0.3", "{}", "true"},
      {"a + b == 0.3", R"({"a":0.1,"b":0.2})", "true"},
      {"a + b", R"({"a":0.1,"b":0.2})", "0.3"},
      {"a - b", R"({"a":0.3,"b":0.1})", "0.2"},
      {"a * 3", R"({"a":0.1})", "0.3"},
      {"a * 10", R"({"a":0.1})", "1"},
      {"1 / 4", "{}", "0.25"},
      {"1 / 3", "{}", "0.33333333333333333"},
      {"6 / 3", "{}", "2"},
      {"7 % 3", "{}", "1"},
      {"-7 % 3", "{}", "-1"},
      {"7.5 % 2", "{}", "1.5"},
      {"2 + 3 * 4", "{}", "14"},
      {"(2 + 3) * 4", "{}", "20"},
      {"10 - 3 - 2", "{}", "5"},
      {"100 / 5 / 2", "{}", "10"},
      {"-a * 2", R"({"a":3})", "-6"},
      {"1.50", "{}", "1.5"},
      {"1e3", "{}", "1000"},
      {"1e25", "{}", "1e+25"},
  });
}

TEST(Evaluate, WhatHasNoValueIsNull) {
  check({
      {"1 / 0", "{}", "null"},
      {"1 % 0", "{}", "null"},
      {"a / b", R"({"a":1,"b":0.0})", "null"},
      {"1e300 * 1e300", "{}", "null"},
      {"1e-300 * 1e-300", "{}", "null"},
      {"a", R"({"a":1e999})", "null"},
      {"a > 1", R"({"a":1e999})", "null"},
      {"a + 1", "{}", "null"},
      {"a + 1", R"({"a":null})", "null"},
      {"a + 1", R"({"a":"1"})", "null"},
      {"-a", R"({"a":"1"})", "null"},
      {"-a", R"({"a":true})", "null"},
      {"a * 2", R"({"a":[1]})", "null"},
  });
}

TEST(Evaluate, NullRules) {
  check({
      {"a == 1", "{}", "null"},
      {"a != 1", "{}", "null"},
      {"a < 1", "{}", "null"},
      {R"(a == "x")", R"({"a":null})", "null"},
      {"a == b", "{}", "null"},
      {"a == null", "{}", "true"},
      {"a == null", R"({"a":null})", "true"},
      {"a == null", R"({"a":0})", "false"},
      {"a != null", R"({"a":0})", "true"},
      {"a != null", "{}", "false"},
      {"null == a", R"({"a":{}})", "false"},
      {"null == null", "{}", "true"},
      {"a < null", R"({"a":1})", "null"},
      {"a + 1 == null", "{}", "true"},
      {"!a", "{}", "null"},
      {"!(a == 1)", "{}", "null"},
      {"!a == 1", R"({"a":2})", "true"},
      {"a && true", "{}", "null"},
      {"a && false", "{}", "false"},
      {"false && a", "{}", "false"},
      {"a || true", "{}", "true"},
      {"a || false", "{}", "null"},
      {"a && b", R"({"a":true,"b":true})", "true"},
      {"a && b && c", R"({"a":true,"c":false})", "false"},
      {"a || b || c", R"({"a":false,"c":true})", "true"},
      {"a && true", R"({"a":1})", "null"},
      {R"(a && true)", R"({"a":"true"})", "null"},
      {"has(a)", "{}", "false"},
      {"has(a)", R"({"a":null})", "true"},
      {"has(a.b)", R"({"a":{"b":[]}})", "true"},
      {"has(a.b)", R"({"a":1})", "false"},
      {R"(lower(a))", "{}", "null"},
      {R"(a =~ "x")", "{}", "null"},
  });
}

TEST(Evaluate, DifferentTypes) {
  check({
      {R"(a == "1")", R"({"a":1})", "false"},
      {R"(a != "1")", R"({"a":1})", "true"},
      {R"(a < "1")", R"({"a":1})", "null"},
      {"a == 1", R"({"a":"1"})", "false"},
      {"a != 1", R"({"a":"1"})", "true"},
      {"a >= 1", R"({"a":"1"})", "null"},
      {"a == 1", R"({"a":true})", "false"},
      {"a == true", R"({"a":1})", "false"},
      {"a == b", R"({"a":"1","b":1})", "false"},
      {"a == 1", R"({"a":[1]})", "false"},
      {"a != 1", R"({"a":{}})", "true"},
      {"a == b", R"({"a":[1],"b":[1]})", "null"},
      {R"(a =~ "1")", R"({"a":1})", "null"},
      {"a", R"({"a":[1, {"b":2}]})", R"([1, {"b":2}])"},
  });
}

TEST(Evaluate, In) {
  check({
      {R"(a in ("x", "y"))", R"({"a":"y"})", "true"},
      {R"(a in ("x", "y"))", R"({"a":"z"})", "false"},
      {R"(a in ("x", "é"))", R"({"a":"\u00e9"})", "true"},
      {R"(a in ("x", 1, true, 2.5))", R"({"a":1})", "true"},
      {R"(a in ("x", 1, true, 2.5))", R"({"a":2.50})", "true"},
      {R"(a in ("x", 1, true, 2.5))", R"({"a":true})", "true"},
      {R"(a in ("x", 1, true, 2.5))", R"({"a":false})", "false"},
      {R"(a in ("x", 1))", R"({"a":1.0})", "true"},
      {R"(a in ("x", 1))", R"({"a":"1"})", "false"},
      {R"(a in ("x", 1))", R"({"a":[]})", "false"},
      {"a in (1, 2)", "{}", "null"},
      {"a in (1, null)", "{}", "true"},
      {"a in (1, null)", R"({"a":2})", "false"},
      {"a in (b, 2)", R"({"a":2})", "true"},
      {"a in (b, 3)", R"({"a":2})", "null"},
      {"a in (b, 3)", R"({"a":2,"b":2})", "true"},
      {"a in (b + 1)", R"({"a":2,"b":1})", "true"},
      {"!(a in (1, 2))", R"({"a":3})", "true"},
      {"a + 1 in (3)", R"({"a":2})", "true"},
  });
}

TEST(Evaluate, Patterns) {
  check({
      {R"(a =~ "^/api/")", R"({"a":"/api/x"})", "true"},
      {R"(a =~ "^/api/")", R"({"a":"x/api/"})", "false"},
      {R"(a =~ "api")", R"({"a":"x/api/"})", "true"},
      {R"(a =~ "^\\d+$")", R"({"a":"123"})", "true"},
      {R"(a =~ "(?i)É")", R"({"a":"\u00e9"})", "true"},
      {R"(a =~ '')", R"({"a":""})", "true"},
      {R"(lower(a) =~ "^x")", R"({"a":"XY"})", "true"},
  });
}

TEST(Evaluate, Fields) {
  check({
      {"a.b", R"({"a":{"b":7}})", "7"},
      {"`a.b`", R"({"a":{"b":7},"a.b":8})", "8"},
      {"`a b`", R"({"a b":1})", "1"},
      {"`a``b`", R"({"a`b":1})", "1"},
      {R"(`a\b`)", R"({"a\\b":1})", "1"},
      {"a.`b c`.d", R"({"a":{"b c":{"d":1}}})", "1"},
      {"`in` + `true`", R"({"in":1,"true":2})", "3"},
      {"@timestamp", R"({"@timestamp":5})", "5"},
      {"größe", R"({"größe":5})", "5"},
      {"a.0", R"({"a":{"0":5}})", "5"},
      {"a", R"({"a":1,"a":2})", "1"},
      {"has", R"({"has":1})", "1"},
      {"in.x", R"({"in":{"x":1}})", "1"},
  });
}

TEST(Evaluate, StringLiterals) {
  check({
      {R"("a\"b\\c\/\b\f\n\r\t")", "{}", R"("a\"b\\c/\b\f\n\r\t")"},
      {R"('it\'s "x"')", "{}", R"("it's \"x\"")"},
      {R"("\u00e9\u20AC\ud83d\ude00")", "{}", R"("é€😀")"},
      {R"("\u0000" == a)", R"({"a":"\u0000"})", "true"},
      {"''", "{}", R"("")"},
  });
}

TEST(Evaluate, Functions) {
  check({
      {R"(starts_with(a, "ab"))", R"({"a":"abc"})", "true"},
      {R"(starts_with(a, "abc"))", R"({"a":"ab"})", "false"},
      {R"(starts_with(a, b))", R"({"a":"ab"})", "null"},
      {R"(starts_with(a, 1))", R"({"a":"ab"})", "null"},
      {R"(ends_with(a, "bc"))", R"({"a":"ab\u0063"})", "true"},
      {R"(contains(a, "b"))", R"({"a":"abc"})", "true"},
      {R"(contains(a, "ac"))", R"({"a":"abc"})", "false"},
      {R"(contains(a, ""))", R"({"a":""})", "true"},
      {R"(contains(a, "b") && a == "abc")", R"({"a":"abc"})", "true"},
      {"lower(a)", R"({"a":"AbÉ1"})", R"("abÉ1")"},
      {"upper(a)", R"({"a":"abé1"})", R"("ABé1")"},
      {"lower(a)", R"({"a":1})", "null"},
      {"length(a)", R"({"a":"h\u00e9\ud83d\ude00"})", "3"},
      {"length(a)", R"({"a":[1]})", "null"},
      {"abs(a)", R"({"a":-5})", "5"},
      {"abs(a)", R"({"a":-5.5})", "5.5"},
      {"abs(a)", R"({"a":-9223372036854775808})", "9223372036854775808"},
      {"abs(a)", R"({"a":"-5"})", "null"},
      {"floor(a)", R"({"a":2.7})", "2"},
      {"floor(a)", R"({"a":-2.1})", "-3"},
      {"floor(a)", R"({"a":-2.0})", "-2"},
      {"floor(a)", R"({"a":1e-300})", "0"},
      {"floor(a)", R"({"a":-1e-300})", "-1"},
      {"round(a)", R"({"a":2.5})", "3"},
      {"round(a)", R"({"a":-2.5})", "-3"},
      {"round(a)", R"({"a":2.4999999999999999999})", "2"},
      {"round(a, 2)", R"({"a":2.345})", "2.35"},
      {"round(a, 2)", R"({"a":-2.344})", "-2.34"},
      {"round(a, 18)", R"({"a":0.1234567890123456785})", "0.123456789012345679"},
      {"round(a, 2)", R"({"a":7})", "7"},
      {"round(a, -1)", R"({"a":7.5})", "null"},
      {"round(a, 19)", R"({"a":7.5})", "null"},
      {"coalesce(a, b, 3)", "{}", "3"},
      {"coalesce(a, b, 3)", R"({"a":null,"b":2})", "2"},
      {"coalesce(a, b)", "{}", "null"},
      {R"(if(a > 1, "big", "small"))", R"({"a":2})", R"("big")"},
      {R"(if(a > 1, "big", "small"))", R"({"a":1})", R"("small")"},
      {R"(if(a > 1, "big", "small"))", "{}", R"("small")"},
      {"string(a)", R"({"a":1.50})", R"("1.5")"},
      {"string(a)", R"({"a":true})", R"("true")"},
      {"string(a)", R"({"a":"x"})", R"("x")"},
      {"string(a)", R"({"a":null})", "null"},
      {"string(a)", R"({"a":[1]})", "null"},
      {"number(a)", R"({"a":"1.50"})", "1.5"},
      {"number(a)", R"({"a":" 1"})", "null"},
      {"number(a)", R"({"a":"0x10"})", "null"},
      {"number(a)", R"({"a":"1e999"})", "null"},
      {"number(a)", R"({"a":true})", "1"},
      {"number(a) + 1", R"({"a":"9007199254740992"})", "9007199254740993"},
      {R"(lower(upper(a)) == "x")", R"({"a":"x"})", "true"},
  });
}

TEST(Evaluate, LongChainsDoNotRecurse) {
  std::string sum = "1";
  std::string any = "false";
  for (int i = 0; i < 5'000; ++i) {
    sum += "+1";
    any += "||a";
  }
  EXPECT_EQ(evaluated(sum), "5001");
  EXPECT_EQ(evaluated(any, R"({"a":true})"), "true");
}

TEST(Evaluate, ProductsOfManyDigitsEnd) {
  std::string product = "a";
  for (int i = 0; i < 2'000; ++i) product += "*a";
  EXPECT_EQ(evaluated(product, R"({"a":1.)" + std::string(900, '7') + "}"), "null");
}

TEST(Evaluate, StringsOfConditionsAreGivenBack) {
  FieldSet fields;
  auto compiled = Expression::compile(R"(lower(a) == "x" || lower(a) == "y" || upper(a) in ("B", lower(a)))", fields);
  ASSERT_TRUE(compiled.ok());
  const JsonValue value{.type = JsonType::string, .escaped = false, .raw = R"("aB")"};
  Scratch scratch;
  EXPECT_FALSE(compiled->matches(std::span(&value, 1), scratch));
  EXPECT_EQ(scratch.mark(), 0u);
}

TEST(Evaluate, SlotsAreThoseOfTheFieldSet) {
  FieldSet fields;
  ASSERT_EQ(*fields.add("first"), 0u);
  auto compiled = Expression::compile("b > a && has(b) && c.d == null", fields);
  ASSERT_TRUE(compiled.ok());
  EXPECT_EQ(fields.size(), 4u);
  EXPECT_EQ(compiled->slots(), (std::vector<size_t>{1, 2, 3}));
  EXPECT_EQ(fields.text(3), "c.d");
}

TEST(Evaluate, AFailedCompileAddsNoFields) {
  FieldSet fields;
  EXPECT_FALSE(Expression::compile("a == b &&", fields).ok());
  EXPECT_EQ(fields.size(), 0u);
}

TEST(Evaluate, WhatWasNotCompiledIsNull) {
  Scratch scratch;
  EXPECT_TRUE(std::holds_alternative<Null>(Expression().evaluate({}, scratch)));
  EXPECT_EQ(Expression().text(), "null");
}

}  // namespace
}  // namespace streamutils::expr
