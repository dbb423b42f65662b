// SPDX-License-Identifier: Apache-2.0
// The errors that the sketches promise, measured; --gtest_output=xml shows the figures.
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <set>

#include "lib/window/aggregates/ddsketch.hpp"
#include "lib/window/aggregates/hyperloglog.hpp"
#include "tests/unit/window/aggregates_fixture.hpp"

namespace streamutils::window {
namespace {

using Random = std::mt19937_64;

struct Distribution {
  std::string_view name;
  std::function<double(Random&)> draw;
};

const std::vector<Distribution>& distributions() {
  static const std::vector<Distribution> kAll = {
      {"uniform", [](Random& r) { return std::uniform_real_distribution<>(0, 1000)(r); }},
      {"integers", [](Random& r) { return static_cast<double>(r() % 100); }},
      {"lognormal", [](Random& r) { return std::lognormal_distribution<>(3, 2)(r); }},
      {"normal, both signs", [](Random& r) { return std::normal_distribution<>(0, 50)(r); }},
      {"pareto", [](Random& r) { return std::pow(1 - std::uniform_real_distribution<>(0, 1)(r), -2); }},
      {"two peaks", [](Random& r) { return r() % 2 == 0 ? 1 + 1e-6 * double(r() % 1000) : 1e9; }},
      {"all magnitudes, both signs",
       [](Random& r) { return (r() % 2 ? 1 : -1) * std::pow(10, std::uniform_real_distribution<>(-300, 300)(r)); }},
  };
  return kAll;
}

TEST(DdSketchError, StaysWithinTheBound) {
  for (const Distribution& distribution : distributions()) {
    Random random(5);
    DdSketch sketch;
    std::vector<double> values(100'000);
    for (double& value : values) {
      value = distribution.draw(random);
      sketch.add(value);
    }
    std::sort(values.begin(), values.end());
    double worst = 0;
    for (uint64_t rank = 1; rank <= values.size(); rank += rank < 100 || rank > values.size() - 100 ? 1 : 97) {
      const double exact = values[rank - 1];
      const double error = std::fabs(sketch.value_at(rank) - exact);
      if (exact == 0) {
        EXPECT_EQ(error, 0);
      } else {
        worst = std::max(worst, error / std::fabs(exact));
      }
    }
    std::string key(distribution.name);
    std::replace_if(
        key.begin(), key.end(), [](char c) { return c == ' ' || c == ','; }, '_');
    RecordProperty(key, fmt::format("{:.4f} % in {} bytes", worst * 100, sketch.extra_bytes()));
    EXPECT_LE(worst, DdSketch::kRelativeError) << distribution.name;
    EXPECT_EQ(sketch.value_at(1), values.front());
    EXPECT_EQ(sketch.value_at(values.size()), values.back());
  }
}

/// Powers of two and their neighbours lie on the seams of the logarithm's approximation.
TEST(DdSketchError, SeamsOfTheBuckets) {
  for (int exponent = -1022; exponent < 1023; ++exponent) {
    for (const double value : {std::ldexp(1, exponent), std::nextafter(std::ldexp(1, exponent), 0.0),
                               std::nextafter(std::ldexp(1, exponent), 1e308)}) {
      DdSketch sketch;
      sketch.add(-1e308);
      sketch.add(value);
      sketch.add(1.7e308);
      EXPECT_LE(std::fabs(sketch.value_at(2) - value), DdSketch::kRelativeError * value) << value;
    }
  }
}

TEST(DdSketchMemory, IsBounded) {
  Random random(9);
  DdSketch one;
  one.add(3);
  EXPECT_LE(one.extra_bytes(), 150U);
  DdSketch all;
  for (int i = 0; i < 400'000; ++i) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) all.add(value);
  }
  RecordProperty("all_doubles", std::to_string(all.extra_bytes()));
  EXPECT_LE(all.extra_bytes(), 4'000'000U);
}

/// The sketch as it is saved.
std::string saved(const DdSketch& sketch) {
  StateWriter out;
  sketch.save(out);
  return out.take();
}

TEST(DdSketchCounters, CarryWhatTheyCannotHold) {
  DdSketch sketch;
  DdSketch half;
  DdSketch other;
  constexpr uint64_t kMany = 200'000;
  for (uint64_t i = 0; i < kMany; ++i) {
    for (const double value : {-7.0, 1.0, 1.0, 100.0}) {
      sketch.add(value);
      (i % 2 == 0 ? half : other).add(value);
    }
  }
  sketch.add(0);
  other.add(0);
  EXPECT_EQ(sketch.count(), 4 * kMany + 1);
  EXPECT_EQ(sketch.value_at(1), -7);
  EXPECT_NEAR(sketch.value_at(kMany), -7, 0.035);
  EXPECT_EQ(sketch.value_at(kMany + 1), 0);
  EXPECT_NEAR(sketch.value_at(kMany + 2), 1, 0.005);
  EXPECT_NEAR(sketch.value_at(3 * kMany + 1), 1, 0.005);
  EXPECT_NEAR(sketch.value_at(3 * kMany + 2), 100, 0.5);
  half.merge(other);
  EXPECT_EQ(saved(half), saved(sketch));
  DdSketch loaded;
  const std::string bytes = saved(sketch);
  StateReader in(bytes);
  ASSERT_TRUE(loaded.load(in));
  EXPECT_EQ(saved(loaded), saved(sketch));
  loaded.add(1);
  sketch.add(1);
  EXPECT_EQ(saved(loaded), saved(sketch));
}

TEST(DdSketchPages, ComeInAnyOrder) {
  for (const Distribution& distribution : distributions()) {
    Random random(11);
    std::vector<double> values;
    for (int i = 0; i < 2000; ++i) values.push_back(distribution.draw(random));
    DdSketch one;
    for (const double value : values) one.add(value);
    std::sort(values.begin(), values.end());
    DdSketch rising;
    for (const double value : values) rising.add(value);
    DdSketch falling;
    std::for_each(values.rbegin(), values.rend(), [&](double value) { falling.add(value); });
    EXPECT_EQ(saved(rising), saved(one)) << distribution.name;
    EXPECT_EQ(saved(falling), saved(one)) << distribution.name;
    for (const uint64_t rank : {1, 2, 700, 1999, 2000}) EXPECT_EQ(rising.value_at(rank), one.value_at(rank));
  }
}

uint64_t mixed(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Bias and standard error over many independent sets, small and middle cardinalities included.
TEST(HyperLogLogError, BiasAndStandardError) {
  constexpr int kSets = 100;
  const std::vector<uint64_t> sizes = {1100, 2000, 5000, 10'000, 20'000, 40'000, 80'000, 150'000};
  std::vector<double> sum(sizes.size());
  std::vector<double> squares(sizes.size());
  for (uint64_t set = 0; set < kSets; ++set) {
    HyperLogLog sketch;
    uint64_t n = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      while (n < sizes[i]) sketch.add(mixed((set << 32) | n++));
      const double error = static_cast<double>(sketch.estimate()) / static_cast<double>(n) - 1;
      sum[i] += error;
      squares[i] += error * error;
    }
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double bias = sum[i] / kSets;
    const double deviation = std::sqrt(squares[i] / kSets);
    RecordProperty(fmt::format("n{}", sizes[i]),
                   fmt::format("bias {:.3f} %, rms {:.3f} %", bias * 100, deviation * 100));
    EXPECT_LE(std::fabs(bias), 0.003) << sizes[i];  // 3.7 standard errors of the mean
    EXPECT_LE(deviation, 0.01) << sizes[i];
  }
}

TEST(HyperLogLogError, MillionsOfValues) {
  HyperLogLog sketch;
  for (uint64_t n = 1; n <= 3'000'000; ++n) {
    sketch.add(mixed(n));
    if (n == 1'000'000 || n == 3'000'000) {
      EXPECT_NEAR(static_cast<double>(sketch.estimate()) / static_cast<double>(n), 1, 0.025);
    }
  }
}

TEST(DistinctCount, ExactUpToTheLimitThenClose) {
  TestPlan plan("d=distinct(v)");
  TestRow row(plan);
  for (int i = 0; i < 1024; ++i) {
    for (int twice = 0; twice < 2; ++twice) plan.add(row.data(), {0, fmt::format("{{\"v\":{}}}", i)});
    EXPECT_EQ(plan.results(row.data()), fmt::format(",\"d\":{}", i + 1));
  }
  EXPECT_EQ(plan.plan().extra_bytes(row.data()), 16'384U);
  plan.add(row.data(), {0, R"({"v":"one more"})"});
  EXPECT_EQ(plan.plan().extra_bytes(row.data()), 16'384U);
  const int estimate = std::stoi(plan.results(row.data()).substr(5));
  EXPECT_NEAR(estimate, 1025, 25);
}

/// The whole way from JSON values, against a set, for values of different kinds and frequencies.
TEST(DistinctCount, AgainstExactOnThreeDistributions) {
  const std::vector<std::pair<std::string, std::function<std::string(Random&)>>> kinds = {
      {"uniform_numbers", [](Random& r) { return fmt::format("{}.{:02}", r() % 1000, r() % 100); }},
      {"pareto_texts",
       [](Random& r) {
         return fmt::format("\"user-{}\"",
                            int64_t(std::fmod(std::pow(1 - std::uniform_real_distribution<>(0, 1)(r), -3), 1e9)));
       }},
      {"sequence", [n = 0](Random&) mutable { return std::to_string(n++ / 2); }},
  };
  for (const auto& [name, draw] : kinds) {
    Random random(17);
    TestPlan plan("d=distinct(v), c=distinct(v, w)");
    TestRow row(plan);
    std::set<std::string> values;
    for (int i = 0; i < 100'000; ++i) {
      const std::string value = draw(random);
      values.insert(value);
      plan.add(row.data(), {0, "{\"v\":" + value + ",\"w\":1}"});
    }
    ASSERT_GT(values.size(), 1024U) << name;
    const std::string results = plan.results(row.data());
    for (const char* result : {"\"d\":", "\"c\":"}) {
      const double estimate = std::stod(results.substr(results.find(result) + 4));
      const double error = estimate / static_cast<double>(values.size()) - 1;
      RecordProperty(name, fmt::format("{:.2f} % of {}", error * 100, values.size()));
      EXPECT_LE(std::fabs(error), 3 * 0.0081) << name;
    }
  }
}

}  // namespace
}  // namespace streamutils::window
