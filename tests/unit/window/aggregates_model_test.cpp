// SPDX-License-Identifier: Apache-2.0
// Aggregates over random records, added in random order and merged from slices of event time, against a slow and
// obvious computation over the list of them.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "lib/json/decimal.hpp"
#include "tests/unit/window/aggregates_fixture.hpp"

namespace streamutils::window {
namespace {

using Random = std::mt19937_64;

/// Empty texts: the field is not there.
struct Row {
  int64_t time = 0;
  std::string x, y, name;
};

std::string json_of(const Row& row) {
  std::string json = "{";
  const auto field = [&](const char* key, const std::string& value) {
    if (!value.empty()) json += fmt::format("{}\"{}\":{}", json.size() > 1 ? "," : "", key, value);
  };
  field("x", row.x);
  field("y", row.y);
  field("name", row.name);
  return json + "}";
}

std::vector<Row> random_rows(Random& random) {
  std::vector<Row> rows(random() % 300);
  const int64_t times = random() % 2 == 0 ? 20 : 1'000'000;  // many equal ones, or hardly any
  for (Row& row : rows) {
    row.time = static_cast<int64_t>(random() % static_cast<uint64_t>(times));
    const int64_t x = static_cast<int64_t>(random() % 2001) - 1000;
    if (random() % 10 != 0) row.x = Decimal(x).to_json();
    if (random() % 10 != 0)
      row.y = fmt::format("{}.{:02}", x / 2 + static_cast<int64_t>(random() % 300), random() % 100);
    if (random() % 10 == 0) row.y = "null";
    if (random() % 10 != 0) row.name = fmt::format("\"é{}\"", random() % 12);
  }
  return rows;
}

bool there(const std::string& value) { return !value.empty() && value != "null"; }
double number(const std::string& value) { return Decimal::parse(value)->to_double(); }

/// The rows that have all of the fields, in order of event time and then of arrival.
std::vector<Row> with(std::vector<Row> rows, const std::vector<std::string Row::*>& fields) {
  std::erase_if(rows, [&](const Row& row) {
    return !std::all_of(fields.begin(), fields.end(), [&](std::string Row::*field) { return there(row.*field); });
  });
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.time < b.time; });
  return rows;
}

double central_moment(const std::vector<Row>& rows, int power) {
  long double mean = 0, moment = 0;
  for (const Row& row : rows) mean += number(row.x);
  mean /= static_cast<long double>(rows.size());
  for (const Row& row : rows) moment += std::pow(number(row.x) - mean, power);
  return static_cast<double>(moment / static_cast<long double>(rows.size()));
}

std::optional<double> variance(const std::vector<Row>& rows) {
  const auto n = static_cast<double>(rows.size());
  if (n < 2) return std::nullopt;
  return central_moment(rows, 2) * n / (n - 1);
}

std::optional<double> skewness(const std::vector<Row>& rows) {
  const auto n = static_cast<double>(rows.size());
  if (n < 3 || central_moment(rows, 2) == 0) return std::nullopt;
  return central_moment(rows, 3) / std::pow(central_moment(rows, 2), 1.5) * std::sqrt(n * (n - 1)) / (n - 2);
}

std::optional<double> correlation(const std::vector<Row>& rows) {
  long double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  const auto n = static_cast<long double>(rows.size());
  for (const Row& row : rows) x += number(row.x) / n, y += number(row.y) / n;
  for (const Row& row : rows) {
    const long double dx = number(row.x) - x, dy = number(row.y) - y;
    xx += dx * dx, yy += dy * dy, xy += dx * dy;
  }
  if (rows.size() < 2 || xx == 0 || yy == 0) return std::nullopt;
  return static_cast<double>(xy / std::sqrt(xx * yy));
}

std::string histogram(const std::vector<Row>& rows, const std::vector<const char*>& edges) {
  std::vector<int> counts(edges.size() + 1);
  for (const Row& row : rows) {
    size_t bucket = 0;
    while (bucket < edges.size() && *Decimal::parse(row.y) >= *Decimal::parse(edges[bucket])) ++bucket;
    ++counts[bucket];
  }
  return fmt::format("[{}]", fmt::join(counts, ","));
}

std::vector<std::pair<std::string, int>> by_frequency(const std::vector<Row>& rows) {
  std::map<std::string, int> counts;
  for (const Row& row : rows) ++counts[row.name];
  std::vector<std::pair<std::string, int>> sorted(counts.begin(), counts.end());
  // Bytes of equal length but for the number; the closing quote comes before digits.
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

std::string top(const std::vector<Row>& rows, size_t n) {
  std::string out;
  for (const auto& [value, count] : by_frequency(rows)) {
    if (n-- == 0) break;
    out += fmt::format("{}{{\"value\":{},\"count\":{}}}", out.empty() ? "[" : ",", value, count);
  }
  return out.empty() ? "null" : out + "]";
}

std::string collected(const std::vector<Row>& rows, size_t most) {
  std::string out;
  for (size_t i = 0; i < std::min(most, rows.size()); ++i) out += (i == 0 ? "[" : ",") + rows[i].name;
  return out.empty() ? "null" : out + "]";
}

/// The name in the row that stands first or last in order of x, then of event time, then of arrival.
std::string by_x(std::vector<Row> rows, bool first) {
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return number(a.x) < number(b.x); });
  if (rows.empty()) return "null";
  return first ? rows.front().name : rows.back().name;
}

std::string of_largest_x(const std::vector<Row>& rows) {
  const Row* best = nullptr;
  for (const Row& row : rows) {
    if (!best || number(row.x) > number(best->x)) best = &row;
  }
  return best ? best->name : "null";
}

std::string rate(const std::vector<Row>& rows, int seconds) {
  Decimal sum;
  for (const Row& row : rows) sum += *Decimal::parse(row.y);
  return rows.empty() ? "null" : Decimal::divide(sum, Decimal(seconds))->to_json();
}

std::string lower_middle(const std::vector<Row>& rows) {
  std::vector<double> values;
  for (const Row& row : rows) values.push_back(number(row.x));
  std::sort(values.begin(), values.end());
  return values.empty() ? "null" : fmt::format("{}", values[(values.size() - 1) / 2]);
}

class AggregateModel : public ::testing::TestWithParam<uint64_t> {
 protected:
  /// The result of a call over the rows, of slices of event time that are saved, loaded and merged.
  static std::string result(const std::string& call, const std::vector<Row>& rows, Random& random) {
    TestPlan plan("r=" + call);
    std::vector<int64_t> bounds = {0, 1'000'000};
    for (uint64_t i = random() % 4; i > 0; --i) bounds.push_back(static_cast<int64_t>(random() % 30));
    std::sort(bounds.begin(), bounds.end());
    TestRow merged(plan);
    for (size_t i = 1; i < bounds.size(); ++i) {
      TestRow slice(plan);
      for (const Row& row : rows) {
        if (row.time >= bounds[i - 1] && row.time < bounds[i]) plan.add(slice.data(), {row.time, json_of(row)});
      }
      const std::string saved = plan.saved(slice.data());
      StateReader reader(saved);
      TestRow loaded(plan);
      EXPECT_TRUE(plan.plan().load(loaded.data(), reader)) << call;
      plan.plan().merge(merged.data(), loaded.data());
    }
    return plan.results(merged.data(), {0, 7'000'000}).substr(std::string_view(",\"r\":").size());
  }

  static void expect_near(const std::string& result, std::optional<double> expected, const std::string& call) {
    if (!expected) {
      EXPECT_EQ(result, "null") << call;
    } else {
      ASSERT_NE(result, "null") << call;
      EXPECT_NEAR(std::stod(result), *expected, 1e-9 * std::max(1.0, std::fabs(*expected))) << call;
    }
  }
};

TEST_P(AggregateModel, EqualsTheObvious) {
  Random random(GetParam());
  const std::vector<Row> rows = random_rows(random);
  const auto of = [&](const std::string& call) { return result(call, rows, random); };
  const std::vector<Row> x = with(rows, {&Row::x}), y = with(rows, {&Row::y}), names = with(rows, {&Row::name});
  const std::vector<Row> xy = with(rows, {&Row::x, &Row::y}), named = with(rows, {&Row::x, &Row::name});
  expect_near(of("var(x)"), variance(x), "var");
  expect_near(of("skewness(x)"), skewness(x), "skewness");
  expect_near(of("corr(x, y)"), correlation(xy), "corr");
  EXPECT_EQ(of("histogram(y, -100, 0, 50.5, 200)"), histogram(y, {"-100", "0", "50.5", "200"}));
  EXPECT_EQ(of("topk(name, 3)"), top(names, 3));
  EXPECT_EQ(of("topk(name, 100)"), top(names, 100));
  EXPECT_EQ(of("mode(name)"), names.empty() ? "null" : by_frequency(names).front().first);
  EXPECT_EQ(of("collect(name, 5)"), collected(names, 5));
  EXPECT_EQ(of("collect(name, 1)"), collected(names, 1));
  EXPECT_EQ(of("collect(name, 1000)"), collected(names, 1000));
  EXPECT_EQ(of("any(name)"), names.empty() ? "null" : names.front().name);
  EXPECT_EQ(of("argmin(name, x)"), by_x(named, true));
  EXPECT_EQ(of("first_by(name, x)"), by_x(named, true));
  EXPECT_EQ(of("last_by(name, x)"), by_x(named, false));
  EXPECT_EQ(of("argmax(name, x)"), of_largest_x(named));
  EXPECT_EQ(of("rate(y)"), rate(y, 7));
  EXPECT_EQ(of("rate()"), Decimal::divide(Decimal(static_cast<int64_t>(rows.size())), Decimal(7))->to_json());
  std::set<std::pair<std::string, std::string>> pairs;
  for (const Row& row : named) pairs.emplace(row.x, row.name);
  EXPECT_EQ(of("distinct(x, name)"), std::to_string(pairs.size()));
  const std::string middle = lower_middle(x);
  EXPECT_EQ(of("median(x)"), of("p50(x)"));
  if (middle != "null") {
    EXPECT_NEAR(std::stod(of("median(x)")), std::stod(middle), 0.005 * std::fabs(std::stod(middle)));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AggregateModel, ::testing::Range<uint64_t>(1, 41));

}  // namespace
}  // namespace streamutils::window
