// SPDX-License-Identifier: Apache-2.0
// Every aggregate by examples.
#include "tests/unit/window/aggregates_fixture.hpp"

namespace streamutils::window {
namespace {

struct Case {
  std::string call;
  std::vector<std::string> values;
  std::string result;
};

const std::vector<Case> kCases = {
    {"count()", {}, "0"},
    {"count()", {"1", "null", "\"a\""}, "3"},
    {"count(v)", {"1", "null", "\"a\"", "[1]", "false"}, "4"},
    {"count(w)", {"1"}, "0"},
    {"sum(v)", {}, "null"},
    {"sum(v)", {"null", "null"}, "null"},
    {"sum(v)", {"0.1", "0.2"}, "0.3"},
    {"sum(v)", {"0.1", "null", "0.2", "0.3"}, "0.6"},
    {"sum(v)", {"9007199254740993", "9007199254740993"}, "18014398509481986"},
    {"sum(v)", {"1e3", "1E-3", "-0", "0e999"}, "1000.001"},
    {"sum(v)", {"1e30", "1", "-1e30"}, "1"},
    {"sum(v)", {"1e400", "1e-400", "-1e400"}, "1e-400"},
    {"sum(v)", {"9e400", "9e400"}, "1.8e+401"},
    {"sum(v)", {"999999999999999999", "0.000000000000000001", "1e18"}, "1999999999999999999.000000000000000001"},
    {"sum(v)", {"-5", "5"}, "0"},
    {"sum(v)", {"123456789012345678901234567890", "0.5"}, "1.234567890123456789012345678905e+29"},
    {"avg(v)", {}, "null"},
    {"avg(v)", {"1", "2"}, "1.5"},
    {"avg(v)", {"0.1", "0.1", "0.1"}, "0.1"},
    {"avg(v)", {"1", "1", "0"}, "0.66666666666666667"},
    {"min(v)", {}, "null"},
    {"min(v)", {"3", "2.50", "7"}, "2.5"},
    {"max(v)", {"3", "2.50", "7.0"}, "7"},
    {"max(v)", {"9007199254740992", "9007199254740993"}, "9007199254740993"},
    {"max(v)", {"1e-400", "-1e400"}, "1e-400"},
    {"min(v)", {"1e-18", "0.0000000000000000001", "5"}, "1e-19"},
    {"max(v)", {"12345678901234567890", "12345678901234567891", "3"}, "12345678901234567891"},
    {"min(v)", {"12345678901234567890", "12345678901234567891", "3"}, "3"},
    {"min(v)", {"\"b\"", "\"a\"", "\"ab\""}, "\"a\""},
    {"max(v)", {"\"b\"", "\"\\u0062b\"", "\"a\""}, "\"bb\""},
    {"max(v)", {"\"z\"", "\"\\u00e9\""}, "\"é\""},
    {"max(v)", {"\"a\\\"\\n\""}, "\"a\\\"\\n\""},
    {"min(v)", {"\"b\"", "5", "\"a\"", "6"}, "5"},
    {"max(v)", {"\"b\"", "5", "\"a\"", "6"}, "\"b\""},
    {"max(v)", {"5", "\"a\"", "12345678901234567890"}, "\"a\""},
    {"min(v)", {"\"a\"", "12345678901234567890"}, "12345678901234567890"},
    {"first(v)", {}, "null"},
    {"first(v)", {"null", "1.0", "2"}, "1.0"},
    {"last(v)", {"1.0", "\"\\u0061\"", "null"}, "\"\\u0061\""},
    {"last(v)", {"1", "{\"a\" : [ 1, \"x y\" ]}"}, "{\"a\":[1,\"x y\"]}"},
    {"last(v)", {"\"a value that is longer than sixteen bytes\"", "false"}, "false"},
    {"stddev(v)", {}, "null"},
    {"stddev(v)", {"5"}, "null"},
    {"stddev(v)", {"5", "5"}, "0"},
    {"stddev(v)", {"2", "4", "4", "4", "5", "5", "7", "9"}, "2.138089935299395"},
    {"stddev(v)", {"1000000000000.1", "1000000000000.3"}, "0.1414213562373095"},
    {"stddev(v)", {"1e200", "3e200"}, "1.414213562373095e+200"},
    {"stddev(v)", {"1e-300", "3e-300"}, "1.414213562373095e-300"},
    {"stddev(v)", {"1e400", "-1e400"}, "1.414213562373095e+400"},
    {"stddev(v)", {"1e-400", "3e-400"}, "1.414213562373095e-400"},
    {"distinct(v)", {}, "0"},
    {"distinct(v)", {"1", "1.0", "10e-1", "\"1\"", "null", "true", "\"true\""}, "4"},
    {"distinct(v)", {"\"a\"", "\"\\u0061\"", "0", "-0", "0.0"}, "2"},
    {"distinct(v)", {"[1, 2]", "[1,2]", "[2]", "{}"}, "3"},
    {"p50(v)", {}, "null"},
    {"p50(v)", {"7"}, "7"},
    {"p50(v)", {"1", "2"}, "1"},
    {"p51(v)", {"1", "2"}, "2"},
    {"p100(v)", {"1", "2", "9.25"}, "9.25"},
    {"p0.1(v)", {"1", "2", "9.25"}, "1"},
    {"p50(v)", {"0", "0", "-3", "4", "0"}, "0"},
    {"p99.9(v)", {"-3", "-2", "-1"}, "-1"},
    {"p100(v)", {"1.7976931348623157e308", "1"}, "1.7976931348623157e+308"},
    {"p50(v)", {"5e-324", "5e-324", "1"}, "5e-324"},
};

TEST(AggregateTable, Examples) {
  for (const Case& c : kCases) {
    EXPECT_EQ(aggregated_values(c.call, c.values), c.result) << c.call << " of " << ::testing::PrintToString(c.values);
  }
}

TEST(AggregateTable, ConditionsAndComputedResults) {
  const std::vector<std::string> records = {R"({"status":500,"ms":10})", R"({"status":200,"ms":20})",
                                            R"({"status":503,"ms":"slow"})", R"({"ms":null})"};
  EXPECT_EQ(aggregated("error_rate=errors/n, n=count(), errors=count() where status >= 500, "
                       "ok_ms=avg(ms) where status < 500, odd=last(ms), text=upper(odd)",
                       records),
            R"(,"error_rate":0.5,"n":4,"errors":2,"ok_ms":20,"odd":"slow","text":"SLOW")");
  EXPECT_EQ(aggregated("r=a/n, n=count(), a=sum(ms)", {}), R"(,"r":null,"n":0,"a":null)");
}

TEST(AggregateTable, FirstAndLastByEventTime) {
  TestPlan plan("f=first(v), l=last(v)");
  TestRow row(plan);
  const std::vector<TestRecord> records = {{5, R"({"v":"a"})"},  {3, R"({"v":"b"})"}, {3, R"({"v":"c"})"},
                                           {9, R"({"v":"d"})"},  {9, R"({"v":"e"})"}, {4, R"({"v":"f"})"},
                                           {1, R"({"v":null})"}, {99, R"({})"}};
  for (const TestRecord& record : records) plan.add(row.data(), record);
  EXPECT_EQ(plan.results(row.data()), R"(,"f":"b","l":"e")");
}

TEST(AggregateTable, Checks) {
  struct Check {
    std::string_view list, record, reason;
  };
  const std::vector<Check> checks = {
      {"count(v)", R"({"v":"x"})", ""},
      {"sum(v)", R"({"v":"x"})", "not_a_number"},
      {"avg(v)", R"({"v":true})", "not_a_number"},
      {"stddev(v)", R"({"v":[1]})", "not_a_number"},
      {"p50(v)", R"({"v":{}})", "not_a_number"},
      {"sum(v)", R"({"v":null})", ""},
      {"sum(v)", R"({})", ""},
      {"sum(v)", R"({"v":1e400})", ""},
      {"sum(v)", R"({"v":1e401})", "number_out_of_range"},
      {"sum(v)", R"({"v":0e401})", ""},
      {"min(v)", R"({"v":-1e999999999999})", "number_out_of_range"},
      {"min(v)", R"({"v":"1e999"})", ""},
      {"max(v)", R"({"v":false})", "not_comparable"},
      {"max(v)", R"({"v":[]})", "not_comparable"},
      {"distinct(v)", R"({"v":1e999})", "number_out_of_range"},
      {"distinct(v)", R"({"v":[1e999]})", ""},
      {"first(v)", R"({"v":1e999})", ""},
      {"p50(v)", R"({"v":1e308})", ""},
      {"p50(v)", R"({"v":1e309})", "number_out_of_range"},
      {"p50(v)", R"({"v":1e-400})", ""},
      {"sum(v) where k == 1", R"({"k":2,"v":"x"})", ""},
      {"sum(v) where k == 1", R"({"k":1,"v":"x"})", "not_a_number"},
      {"a=sum(w) where k == 1, b=max(v)", R"({"k":2,"w":"x","v":{}})", "not_comparable"},
  };
  for (const Check& c : checks) EXPECT_EQ(TestPlan(c.list).check(c.record), c.reason) << c.list << " of " << c.record;
  const std::string digits(500, '1');
  EXPECT_EQ(TestPlan("sum(v)").check("{\"v\":" + digits + "}"), "number_out_of_range");
  EXPECT_EQ(TestPlan("p50(v)").check("{\"v\":" + digits.substr(0, 309) + "}"), "");
  EXPECT_EQ(TestPlan("p50(v)").check("{\"v\":" + digits.substr(0, 310) + "}"), "number_out_of_range");
}

std::string create_error(std::string_view list) {
  FieldSet fields;
  auto parsed = expr::parse_aggregates(list, fields);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  auto plan = AggregatePlan::create(*std::move(parsed), fields);
  return plan.ok() ? "" : std::string(plan.status().message());
}

TEST(AggregateTable, BadCalls) {
  EXPECT_EQ(create_error("n=count(), m=mean(x)"),
            "column 12: unknown aggregate 'mean'; known are count, sum, avg, min, max, first, last, stddev, distinct, "
            "pNN (p50, p99.9, ...)");
  EXPECT_EQ(create_error("sum()"), "column 1: sum() takes one field, as in sum(latency_ms)");
  EXPECT_EQ(create_error("sum(x, 3)"), "column 1: sum() takes one field, as in sum(latency_ms)");
  EXPECT_EQ(create_error("count(x, 3)"), "column 1: count() takes nothing or one field, as in count(user_id)");
  for (const char* bad : {"p0(x)", "p101(x)", "p100.1(x)", "p050(x)", "p5x(x)", "p99.99999999999999(x)", "p0.0(x)"}) {
    EXPECT_NE(create_error(bad), "") << bad;
  }
  for (const char* good : {"p100(x)", "p0.5(x)", "p99.999(x)"}) EXPECT_EQ(create_error(good), "") << good;
}

TEST(AggregateTable, SharedParts) {
  struct Shared {
    std::string_view list, fingerprint;
    size_t row_bytes;
  };
  const std::vector<Shared> plans = {
      {"count()", "count()", 8},
      {"a=count(), b=count()", "count()", 8},
      {"count(x)", "count(x)", 8},
      {"n=count(x), a=avg(x), s=sum(x)", "sum(x)", 32},
      {"n=count(x), a=avg(x), s=sum(y)", "sum(x);sum(y)", 64},
      {"n=count(x), s=sum(x), d=stddev(x)", "moments(x)", 64},
      {"n=count(x) where k > 1, s=sum(x)", "count(x) where (k > 1);sum(x)", 40},
      {"n=count(x) where k > 1, s=sum(x) where  k>1", "sum(x) where (k > 1)", 32},
      {"p50(x), p99(x), p99.9(x)", "quantiles(x)", 40},
      {"min(x), max(x)", "min(x);max(x)", 32},
      {"first(`a(b`)", "first(\"a(b\")", 32},
      {"distinct(x)", "distinct(x)", 24},
  };
  for (const Shared& c : plans) {
    const TestPlan plan(c.list);
    EXPECT_EQ(plan.plan().fingerprint(), c.fingerprint) << c.list;
    EXPECT_EQ(plan.plan().row_bytes(), c.row_bytes) << c.list;
  }
}

}  // namespace
}  // namespace streamutils::window
