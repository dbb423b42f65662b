// SPDX-License-Identifier: Apache-2.0
#include "lib/expr/aggregate_list.hpp"

#include <gtest/gtest.h>

namespace streamutils::expr {
namespace {

/// One item as text: "name=function(slot,arguments) where … | over results …".
std::string described(const AggregateItem& item, const FieldSet& fields) {
  std::string out = item.name + '=' + item.function;
  if (!item.function.empty()) {
    out += '(';
    for (const size_t slot : item.fields) out += (out.back() == '(' ? "" : ",") + fields.text(slot);
    for (const std::string& argument : item.arguments) out += ',' + argument;
    out += ')';
  }
  if (item.where) out += " where " + item.where->text();
  if (item.over_results) out += item.over_results->text();
  return out;
}

std::string parsed(std::string_view text) {
  FieldSet fields;
  auto list = parse_aggregates(text, fields);
  if (!list.ok()) return std::string(list.status().message());
  std::string out;
  for (const AggregateItem& item : list->items) out += (out.empty() ? "" : "; ") + described(item, fields);
  return out;
}

struct Case {
  std::string_view text;
  std::string_view expected;
};

TEST(AggregateList, Items) {
  const Case cases[] = {
      {"n=count()", "n=count()"},
      {"n = count ( )", "n=count()"},
      {"count()", "count=count()"},
      {"count(a.b)", "count_a_b=count(a.b)"},
      {"p99.9(latency)", "p99_9_latency=p99.9(latency)"},
      {"p=p99.9(latency), q=p50(latency)", "p=p99.9(latency); q=p50(latency)"},
      {"topk(ad, 3)", "topk_ad_3=topk(ad,3)"},
      {"argmin(host.name, ms)", "argmin_host_name_ms=argmin(host.name,ms)"},
      {"d=distinct(a, `b c`, a) where a > 1", "d=distinct(a,b c,a) where a > 1"},
      {"h=histogram(a, 0.5, -1)", "h=histogram(a,0.5,-1)"},
      {"x=f(a, -1.5, 'é', true)", "x=f(a,-1.5,é,true)"},
      {"errors=count() where status >= 500", "errors=count() where status >= 500"},
      {"e=count() where a in (1, 2), n=count()", "e=count() where a in (1, 2); n=count()"},
      {"s=sum(`my field`) where lower(x) == 'y' && z", "s=sum(my field) where lower(x) == \"y\" && z"},
      {"errors=count() where status >= 500, n=count(), rate=errors/n",
       "errors=count() where status >= 500; n=count(); rate=errors / n"},
      {"rate=errors/n, n=count(), errors=count()", "rate=errors / n; n=count(); errors=count()"},
      {"n=count(), r=round(n/3, 2)", "n=count(); r=round(n / 3, 2)"},
      {"n=count(), copy=n", "n=count(); copy=n"},
      {"n=count(), a=n+1, b=a*2", "n=count(); a=n + 1; b=(n + 1) * 2"},
      {"b=a*2, n=count(), a=n+1", "b=(n + 1) * 2; n=count(); a=n + 1"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(parsed(one.text), one.expected) << one.text;
  }
}

TEST(AggregateList, Errors) {
  const Case cases[] = {
      {"", "column 1: expected an aggregate, as in 'n=count()'"},
      {"n=", "column 3: expected an aggregate"},
      {"n=count(),", "column 11: expected an aggregate"},
      {"n=count() m=count()", "column 11: expected an operator before 'm'"},
      {"n=count(", "column 9: expected a field or ')'"},
      {"n=count(1)", "column 9: expected a field, not '1'"},
      {"n=sum(a*b)", "column 8: expected ',' or ')'; sum() takes a field, not an expression"},
      {"n=topk(a, )", "column 11: expected a field, a number or a string, not ')'"},
      {"n=topk(a, -'b')", "column 12: expected a number behind '-'"},
      {"n=topk(3, a)", "column 8: expected a field, not '3'"},
      {"n=topk(a, 3, b)", "column 14: the field 'b' must stand before the numbers"},
      {"d=distinct(a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,b)", "column 44: a call takes at most 16 fields"},
      {"rate=count()/2", "column 1: give the call its own name"},
      {"rate=2/count()", "column 8: name the call 'count(…)' first"},
      {"n=count(), n=sum(a)", "column 12: a second result 'n'"},
      {"count(), count()", "column 10: a second result 'count'"},
      {"n=count(), x=m/n", "column 14: no result 'm'"},
      {"n=count(), x=a.b", "column 14: no result 'a.b'"},
      {"n=count(), n/2", "column 12: an expression over results needs a name"},
      {"a=b, b=a", "column 1: 'a' is computed from itself"},
      {"a=a+1", "column 1: 'a' is computed from itself"},
      {"`a b`=count()", "column 1: '`a b`' cannot name a result"},
      {"where=count() where x", "column 1: 'where' cannot name a result"},
      {"1=count()", "column 1: '1' cannot name a result"},
      {"n=count() where", "column 16: expected a value after 'where'"},
      {"n=count() where a ==, m=count()", "column 21: expected a value after '==', not ','"},
      {"n=count() where foo(a)", "column 17: no function 'foo'"},
      {"n=count())", "column 10: this ')' closes nothing"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(parsed(one.text).substr(0, one.expected.size()), one.expected) << one.text;
  }
}

TEST(AggregateList, FieldsAndResultsAreApart) {
  FieldSet fields;
  auto list = parse_aggregates("n=count(), s=sum(v) where status >= 500, m=s/n, k=m*n", fields);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields.text(list->items[1].fields.at(0)), "v");
  ASSERT_EQ(list->results.size(), 2u);
  EXPECT_EQ(list->results.text(0), "s");
  EXPECT_EQ(list->results.text(1), "n");
  EXPECT_EQ(list->items[2].column, 42u);
  const JsonValue values[] = {{.type = JsonType::number, .raw = "3"}, {.type = JsonType::number, .raw = "4"}};
  Scratch scratch;
  std::string out;
  append_json(out, list->items[2].over_results->evaluate(values, scratch));
  out += ' ';
  append_json(out, list->items[3].over_results->evaluate(values, scratch));
  EXPECT_EQ(out, "0.75 3");
}

TEST(AggregateList, AFailureAddsNoFields) {
  FieldSet fields;
  EXPECT_FALSE(parse_aggregates("n=sum(a) where b, x=y", fields).ok());
  EXPECT_EQ(fields.size(), 0u);
}

TEST(AggregateList, ReplacedNamesAreBounded) {
  std::string doubling = "n=count(), a0=n+n";
  for (int i = 1; i < 60; ++i) doubling += fmt::format(", a{}=a{}+a{}", i, i - 1, i - 1);
  EXPECT_NE(parsed(doubling).find("too large"), std::string::npos);

  std::string chain = "n=count(), a0=n";
  for (int i = 1; i < 250; ++i) chain += fmt::format(", a{}=a{}+1", i, i - 1);
  EXPECT_EQ(parsed(chain).substr(0, 10), "n=count();");

  std::string many = "n=count()";
  for (int i = 0; i < 300; ++i) many += fmt::format(", a{}=n", i);
  EXPECT_NE(parsed(many).find("more than 256 results"), std::string::npos);
}

}  // namespace
}  // namespace streamutils::expr
