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
    {"median(v)", {}, "null"},
    {"median(v)", {"1", "2"}, "1"},
    {"median(v)", {"9", "0", "0"}, "0"},
    {"any(v)", {"null", "7", "8"}, "7"},
    {"var(v)", {"5"}, "null"},
    {"var(v)", {"5", "5"}, "0"},
    {"var(v)", {"2", "4", "4", "4", "5", "5", "7", "9"}, "4.5714285714285714"},
    {"var(v)", {"1000000000000.1", "1000000000000.3"}, "0.02"},
    {"var(v)", {"1e100", "3e100"}, "2e+200"},
    {"var(v)", {"1e400", "-1e400"}, "null"},
    {"skewness(v)", {}, "null"},
    {"skewness(v)", {"1", "2"}, "null"},
    {"skewness(v)", {"3", "3", "3"}, "null"},
    {"skewness(v)", {"1", "2", "3"}, "0"},
    {"skewness(v)", {"1", "2", "6"}, "1.457862967321305"},
    {"skewness(v)", {"-1", "-2", "-6"}, "-1.457862967321305"},
    {"skewness(v)", {"1e400", "2e400", "6e400"}, "1.457862967321305"},
    {"skewness(v)", {"1e-400", "2e-400", "6e-400"}, "1.457862967321305"},
    {"skewness(v)", {"9007199254740991", "9007199254740992", "9007199254740996"}, "1.457862967321305"},
    {"rate()", {"1"}, "null"},
    {"rate(v)", {"1"}, "null"},
    {"mode(v)", {}, "null"},
    {"mode(v)", {"2", "\"a\"", "2.0", "\"a\"", "\"\\u0061\"", "null", "null", "null", "null"}, "\"a\""},
    {"mode(v)", {"\"2\"", "10", "9", "true", "[1]"}, "9"},
    {"mode(v)", {"false", "[ 1 ]", "\"b\"", "\"ab\"", "\"a\""}, "\"a\""},
    {"mode(v)", {"\"\\n\"", "\"!\""}, "\"\\n\""},
    {"mode(v)", {"{\"a\" : 1}", "\"é\"", "{\"a\":1}"}, "{\"a\":1}"},
    {"topk(v, 2)", {}, "null"},
    {"topk(v, 2)", {"1"}, R"([{"value":1,"count":1}])"},
    {"topk(v, 2)", {"3", "1", "2", "1.0", "3"}, R"([{"value":1,"count":2},{"value":3,"count":2}])"},
    {"histogram(v, 0, 10)", {}, "[0,0,0]"},
    {"histogram(v, 0, 10)", {"-0.1", "0", "-0", "9.99", "10", "1e400", "-1e400"}, "[2,3,2]"},
    {"histogram(v, 0.3)", {"0.3", "0.30000000000000004", "0.29999999999999999999999999", "3e-1"}, "[1,3]"},
    {"histogram(v, -5, 1e30)", {"1000000000000000000000000000000", "999999999999999999999999999999"}, "[0,1,1]"},
    {"histogram(v, 1e-400, 1e400)", {"0", "1e-400", "1", "1e400"}, "[1,2,1]"},
    {"collect(v, 3)", {}, "null"},
    {"collect(v, 3)", {"1.0", "null", "\"a\"", "{ \"b\" : [1, 2] }", "4"}, R"([1.0,"a",{"b":[1,2]}])"},
    {"distinct(v, v)", {"1", "1.0", "2"}, "2"},
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

TEST(AggregateTable, RatesBySecondsOfTheWindow) {
  TestPlan plan("r=rate(), s=rate(v), e=rate() where v > 9, z=rate(w)");
  TestRow row(plan);
  for (const char* record : {R"({"v":0.5})", R"({"v":1})", R"({})"}) plan.add(row.data(), {0, record});
  EXPECT_EQ(plan.results(row.data(), {0, 10'000'000}), R"(,"r":0.3,"s":0.15,"e":0,"z":null)");
  EXPECT_EQ(plan.results(row.data(), {-3'000'000, -2'500'000}), R"(,"r":6,"s":3,"e":0,"z":null)");
  EXPECT_EQ(plan.results(row.data(), {0, 9'000'000}),
            R"(,"r":0.33333333333333333,"s":0.16666666666666667,"e":0,"z":null)");
  EXPECT_EQ(plan.results(row.data(), {5, 5}), R"(,"r":null,"s":null,"e":null,"z":null)");
  EXPECT_EQ(plan.results(row.data(), {INT64_MIN + 1, INT64_MAX}).substr(0, 30), R"(,"r":1.6263032587282567e-13,"s)");
  EXPECT_EQ(plan.results(row.data(), kAllTime), R"(,"r":null,"s":null,"e":null,"z":null)");
}

TEST(AggregateTable, SeveralFields) {
  TestPlan plan(
      "lo=argmin(v, k), hi=argmax(v, k), f=first_by(v, k), l=last_by(v, k), d=distinct(v, k), c=corr(k, w), "
      "b=argmax(v, k) where k < 3");
  TestRow row(plan);
  EXPECT_EQ(plan.results(row.data()), R"(,"lo":null,"hi":null,"f":null,"l":null,"d":0,"c":null,"b":null)");
  const std::vector<TestRecord> records = {
      {5, R"({"v":"a","k":2.0,"w":1})"}, {3, R"({"v":"b","k":2,"w":1})"},   {3, R"({"v":"c","k":2,"w":1})"},
      {9, R"({"v":"d","k":7,"w":-4})"},  {1, R"({"v":null,"k":-9})"},       {9, R"({"v":"e","k":7})"},
      {8, R"({"v":"f","k":70e-1})"},     {1, R"({"v":"\u0061","k":null})"}, {0, R"({"v":"lost"})"},
      {6, R"({"v":"\u0061","k":2})"},    {8, R"({"v":"f","k":7.0})"}};
  for (const TestRecord& record : records) plan.add(row.data(), record);
  EXPECT_EQ(plan.results(row.data()), R"(,"lo":"b","hi":"f","f":"b","l":"e","d":6,"c":-1,"b":"b")");
}

/// A combination is not its parts side by side.
TEST(AggregateTable, CombinationsAreKeptApart) {
  const std::vector<std::string> records = {
      R"({"a":"x","b":"y,z"})", R"({"a":"x,y","b":"z"})", R"({"a":"x","b":"y"})", R"({"a":"x","b":["y"]})",
      R"({"a":1,"b":"1"})",     R"({"a":"1","b":1})",     R"({"a":"1","b":1.0})", R"({"a":"1"})"};
  EXPECT_EQ(aggregated("d=distinct(a, b), e=distinct(b, a), f=distinct(a)", records), R"(,"d":6,"e":6,"f":4)");
}

TEST(AggregateTable, CorrelationOfExtremes) {
  const auto correlation = [](const std::vector<std::string>& records) { return aggregated("c=corr(a, b)", records); };
  EXPECT_EQ(correlation({R"({"a":1,"b":2})"}), R"(,"c":null)");
  EXPECT_EQ(correlation({R"({"a":1,"b":2})", R"({"a":2,"b":2})"}), R"(,"c":null)");
  EXPECT_EQ(correlation({R"({"a":1e400,"b":2})", R"({"a":-1e400,"b":5})"}), R"(,"c":-1)");
  EXPECT_EQ(correlation({R"({"a":1e-400,"b":2e400})", R"({"a":3e-400,"b":5e400})"}), R"(,"c":1)");
  EXPECT_EQ(correlation({R"({"a":1,"b":1})", R"({"a":2,"b":3})", R"({"a":3,"b":2})"}), R"(,"c":0.5)");
  EXPECT_EQ(
      correlation({R"({"a":123456789012345678901234567890,"b":0.1})", R"({"a":123456789012345678901234567891,"b":0.3})",
                   R"({"a":123456789012345678901234567892,"b":0.2})"}),
      R"(,"c":0.5)");
}

TEST(AggregateTable, CollectedByEventTime) {
  TestPlan plan("c=collect(v, 3)");
  TestRow row(plan);
  for (const int64_t time : {9, 8, 7, 6, 8, 5, 5, 7, 1}) {
    plan.add(row.data(), {time, fmt::format("{{\"v\":{}}}", time * 10)});
  }
  EXPECT_EQ(plan.results(row.data()), R"(,"c":[10,50,50])");
  plan.add(row.data(), {5, R"({"v":"too late"})"});
  plan.add(row.data(), {4, R"({"v":"in time"})"});
  EXPECT_EQ(plan.results(row.data()), R"(,"c":[10,"in time",50])");
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
      {"var(v)", R"({"v":"x"})", "not_a_number"},
      {"skewness(v)", R"({"v":1e401})", "number_out_of_range"},
      {"rate(v)", R"({"v":{"a":1}})", "not_a_number"},
      {"median(v)", R"({"v":1e400})", "number_out_of_range"},
      {"histogram(v, 1)", R"({"v":"1"})", "not_a_number"},
      {"histogram(v, 1)", R"({"v":-1e401})", "number_out_of_range"},
      {"corr(v, w)", R"({"v":1,"w":"x"})", "not_a_number"},
      {"corr(v, w)", R"({"v":null,"w":"x"})", ""},
      {"corr(v, w)", R"({"w":1,"v":1e401})", "number_out_of_range"},
      {"argmin(v, w)", R"({"v":[1],"w":true})", "not_comparable"},
      {"argmin(v, w)", R"({"v":[1],"w":"true"})", ""},
      {"argmax(v, w)", R"({"w":true})", ""},
      {"mode(v)", R"({"v":1e999})", "number_out_of_range"},
      {"mode(v)", R"({"v":[1e999]})", ""},
      {"distinct(v, w)", R"({"v":"a","w":1e999})", "number_out_of_range"},
      {"distinct(v, w)", R"({"v":null,"w":1e999})", ""},
      {"collect(v, 2)", R"({"v":1e999})", ""},
      {"sum(v) where k == 1", R"({"k":2,"v":"x"})", ""},
      {"sum(v) where k == 1", R"({"k":1,"v":"x"})", "not_a_number"},
      {"a=sum(w) where k == 1, b=max(v)", R"({"k":2,"w":"x","v":{}})", "not_comparable"},
  };
  for (const Check& c : checks) EXPECT_EQ(TestPlan(c.list).check(c.record), c.reason) << c.list << " of " << c.record;
  const std::string fits = '"' + std::string(4094, 'x') + '"';
  for (const char* list : {"mode(v)", "topk(v, 2)", "collect(v, 2)"}) {
    EXPECT_EQ(TestPlan(list).check("{\"v\":" + fits + "}"), "");
    EXPECT_EQ(TestPlan(list).check("{\"v\":[" + fits + "]}"), "value_too_large");
  }
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
  EXPECT_EQ(
      create_error("n=count(), m=mean(x)"),
      "column 12: unknown aggregate 'mean'; known are count, sum, avg, min, max, first, last, any, stddev, var, "
      "skewness, corr, rate, distinct, median, mode, topk, histogram, collect, argmin, argmax, first_by, last_by, "
      "pNN (p50, p99.9, ...)");
  EXPECT_EQ(create_error("sum()"), "column 1: sum() takes one field, as in sum(latency_ms)");
  EXPECT_EQ(create_error("sum(x, 3)"), "column 1: sum() takes one field, as in sum(latency_ms)");
  EXPECT_EQ(create_error("count(x, 3)"), "column 1: count() takes nothing or one field, as in count(user_id)");
  EXPECT_EQ(create_error("rate(x, y)"), "column 1: rate() takes nothing or one field, as in rate(bytes)");
  EXPECT_EQ(create_error("n=count(), c=corr(x)"), "column 12: corr() takes two fields, as in corr(bytes, latency_ms)");
  EXPECT_EQ(create_error("argmax(x, 3)"), "column 1: argmax() takes two fields, as in argmax(host, latency_ms)");
  EXPECT_EQ(create_error("last_by(x)"), "column 1: last_by() takes two fields, as in last_by(host, latency_ms)");
  EXPECT_EQ(create_error("distinct()"),
            "column 1: distinct() takes one field or several, as in distinct(user_id) or distinct(user_id, page)");
  EXPECT_NE(create_error("distinct(x, 3)"), "");
  EXPECT_EQ(create_error("topk(x)"), "column 1: topk() takes one field and a number, as in topk(page, 3)");
  EXPECT_EQ(create_error("topk(x, y)"), "column 1: topk() takes one field and a number, as in topk(page, 3)");
  for (const char* bad : {"0", "-1", "1.5", "1001", "1e400", "99999999999999999999", "'a'", "true", "1e-1"}) {
    EXPECT_NE(create_error(fmt::format("topk(x, {})", bad)).find("is not a whole number from 1 to 1000"),
              std::string::npos)
        << bad;
  }
  for (const char* good : {"1", "1000", "1e3", "2.0"}) EXPECT_EQ(create_error(fmt::format("topk(x, {})", good)), "");
  EXPECT_EQ(create_error("collect(x, 10001)"), "column 1: collect(): '10001' is not a whole number from 1 to 10000");
  EXPECT_EQ(create_error("collect(x)"),
            "column 1: collect() takes one field and a number, as in collect(order_id, 10)");
  EXPECT_EQ(create_error("histogram(x)"),
            "column 1: histogram() takes one field and the edges of its buckets, as in histogram(latency_ms, 10, 100)");
  EXPECT_EQ(create_error("histogram(x, 1, 1.0)"),
            "column 1: histogram(): the edge 1.0 is not above 1; edges must rise");
  EXPECT_EQ(create_error("histogram(x, 5, 3)"), "column 1: histogram(): the edge 3 is not above 5; edges must rise");
  EXPECT_EQ(create_error("histogram(x, 'a')"), "column 1: histogram(): 'a' is no number that can be an edge");
  EXPECT_EQ(create_error("histogram(x, 1e401)"), "column 1: histogram(): '1e401' is no number that can be an edge");
  std::string edges;
  for (int i = 0; i < 1000; ++i) edges += fmt::format(", {}", i);
  EXPECT_EQ(create_error("histogram(x" + edges + ")"), "");
  EXPECT_EQ(create_error("histogram(x" + edges + ", 1000)"), "column 1: histogram() takes at most 1000 edges");
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
      {"p50(x), p99(x), p99.9(x)", "quantiles(x)", 48},
      {"min(x), max(x)", "min(x);max(x)", 32},
      {"first(`a(b`)", "first(\"a(b\")", 32},
      {"distinct(x)", "distinct(x)", 24},
      {"distinct(x, y)", "distinct(x, y)", 24},
      {"median(x), p50(x)", "quantiles(x)", 48},
      {"v=var(x), s=sum(x), d=stddev(x)", "moments(x)", 64},
      {"n=count(x), a=avg(x), d=stddev(x), k=skewness(x), r=rate(x)", "moments3(x)", 96},
      {"k=skewness(x), n=count(x)", "moments3(x)", 96},
      {"rate(), count()", "count()", 8},
      {"rate(x), sum(x)", "sum(x)", 32},
      {"corr(x, y)", "corr(x, y)", 160},
      {"any(x), first(x)", "first(x)", 32},
      {"mode(x), topk(x, 3), t=topk(x, 9)", "frequent(x)", 56},
      {"first_by(x, y), argmin(x, y)", "argmin(x, y)", 48},
      {"argmax(x, y), last_by(x, y)", "argmax(x, y);last_by(x, y)", 96},
      {"a=histogram(x, 1e1, 20), b=histogram(x, 10, 20.0)", "histogram(x, 10, 20)", 24},
      {"a=histogram(x, 1), b=histogram(x, 2)", "histogram(x, 1);histogram(x, 2)", 32},
      {"a=collect(x, 3), b=collect(x, 3.0), c=collect(x, 4)", "collect(x, 3);collect(x, 4)", 112},
  };
  for (const Shared& c : plans) {
    const TestPlan plan(c.list);
    EXPECT_EQ(plan.plan().fingerprint(), c.fingerprint) << c.list;
    EXPECT_EQ(plan.plan().row_bytes(), c.row_bytes) << c.list;
  }
}

}  // namespace
}  // namespace streamutils::window
