// SPDX-License-Identifier: Apache-2.0
// What mode and topk promise of their counts: exact up to the limit, within the error above it, in whatever order the
// values come and the states merge.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>

#include "lib/window/aggregates/canonical.hpp"
#include "lib/window/aggregates/frequent_items.hpp"
#include "tests/unit/window/aggregates_fixture.hpp"

namespace streamutils::window {
namespace {

using Random = std::mt19937_64;
using Counts = std::map<std::string, uint64_t>;

void add(FrequentItems& items, const std::string& value) { items.add(value, canonical_hash(value)); }

std::string saved(const FrequentItems& items) {
  StateWriter out;
  items.save(out);
  return out.bytes();
}

/// Every promise of frequent_items.hpp about n values.
void expect_within_bound(const FrequentItems& items, const Counts& exact, uint64_t n) {
  EXPECT_LE(items.error(), n / (FrequentItems::kKept + 1));
  EXPECT_LE(items.items().size(), FrequentItems::kExactValues);
  Counts kept;
  for (const FrequentItems::Item& item : items.items()) EXPECT_TRUE(kept.emplace(item.value, item.count).second);
  for (const auto& [value, count] : exact) {
    const auto found = kept.find(value);
    const uint64_t low = found == kept.end() ? 0 : found->second;
    EXPECT_LE(low, count) << value;
    EXPECT_GE(low + items.error(), count) << value;
    if (found != kept.end()) kept.erase(found);
  }
  EXPECT_TRUE(kept.empty()) << "values that never came";
}

struct Distribution {
  std::string name;
  std::function<uint64_t(Random&)> draw;
};

const std::vector<Distribution>& distributions() {
  static const std::vector<Distribution> kAll = {
      {"uniform", [](Random& r) { return r() % 20'000; }},
      {"zipf",
       [](Random& r) { return uint64_t(std::fmod(std::pow(1 - std::uniform_real_distribution<>(0, 1)(r), -6), 1e9)); }},
      {"few_and_noise", [](Random& r) { return r() % 2 == 0 ? r() % 10 : r() % 1'000'000; }},
  };
  return kAll;
}

TEST(FrequentItems, ErrorStaysWithinTheBoundWhateverTheMerges) {
  for (const Distribution& distribution : distributions()) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      Random random(seed);
      constexpr uint64_t kValues = 60'000;
      std::vector<std::unique_ptr<FrequentItems>> parts;
      for (uint64_t i = 1 + seed * 3; i > 0; --i) parts.push_back(std::make_unique<FrequentItems>());
      FrequentItems whole;
      Counts exact;
      for (uint64_t i = 0; i < kValues; ++i) {
        const std::string value = std::to_string(distribution.draw(random));
        ++exact[value];
        add(whole, value);
        add(*parts[std::min<uint64_t>(random() % 8, parts.size() - 1)], value);
      }
      ASSERT_GT(exact.size(), FrequentItems::kExactValues) << distribution.name;
      expect_within_bound(whole, exact, kValues);
      while (parts.size() > 1) {
        std::shuffle(parts.begin(), parts.end(), random);
        const std::string before = saved(*parts.back());
        parts.front()->merge(*parts.back());
        EXPECT_TRUE(saved(*parts.back()) == before);
        parts.pop_back();
      }
      expect_within_bound(*parts.front(), exact, kValues);
      EXPECT_GT(whole.error(), 0U);
      EXPECT_GT(parts.front()->error(), 0U);
      RecordProperty(fmt::format("{}_{}", distribution.name, seed),
                     fmt::format("error {} and merged {} of {}, {} bytes", whole.error(), parts.front()->error(),
                                 kValues, whole.extra_bytes()));
    }
  }
}

/// With so many different values as are exact, order and merging leave no trace; one more and it shows.
TEST(FrequentItems, ExactUpToTheLimit) {
  Random random(5);
  std::vector<std::string> values;
  for (size_t i = 0; i < FrequentItems::kExactValues; ++i) {
    for (uint64_t n = random() % 4 + 1; n > 0; --n) values.push_back('"' + std::to_string(i) + '"');
  }
  std::string expected;
  for (int round = 0; round < 3; ++round) {
    std::shuffle(values.begin(), values.end(), random);
    std::vector<FrequentItems> parts(round + 1);
    for (const std::string& value : values) add(parts[random() % parts.size()], value);
    for (size_t i = 1; i < parts.size(); ++i) parts[0].merge(parts[i]);
    EXPECT_EQ(parts[0].error(), 0U);
    if (expected.empty()) expected = saved(parts[0]);
    EXPECT_TRUE(saved(parts[0]) == expected);
    add(parts[0], "true");
    EXPECT_GT(parts[0].error(), 0U);
    EXPECT_LE(parts[0].items().size(), FrequentItems::kKept);
  }
}

TEST(FrequentItems, AdversarialOrder) {
  FrequentItems items;
  Counts exact;
  uint64_t n = 0;
  const auto one = [&](const std::string& value) {
    add(items, value);
    ++exact[value];
    ++n;
  };
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 20; ++i) one("\"heavy\"");
    for (int i = 0; i < 5000; ++i) one(std::to_string(round * 5000 + i));
  }
  expect_within_bound(items, exact, n);
  FrequentItems loaded;
  const std::string bytes = saved(items);
  StateReader reader(bytes);
  ASSERT_TRUE(loaded.load(reader));
  EXPECT_TRUE(saved(loaded) == bytes);
}

TEST(FrequentItems, DamagedStateIsRefused) {
  const auto load = [](const std::function<void(StateWriter&)>& write) {
    StateWriter out;
    write(out);
    const std::string bytes = out.bytes();
    StateReader in(bytes);
    FrequentItems items;
    return items.load(in);
  };
  const auto item = [](StateWriter& out, std::string_view value, uint64_t count) {
    out.text(value);
    out.u64(count);
  };
  const auto head = [](StateWriter& out, uint32_t size) {
    out.u64(0);
    out.u32(size);
  };
  EXPECT_TRUE(load([&](StateWriter& out) { head(out, 1), item(out, "1", 2); }));
  EXPECT_FALSE(load([&](StateWriter& out) { head(out, 2), item(out, "1", 2); })) << "cut short";
  EXPECT_FALSE(load([&](StateWriter& out) { head(out, 1), item(out, "1", 0); })) << "never seen";
  EXPECT_FALSE(load([&](StateWriter& out) { head(out, 1), item(out, "one", 1); })) << "no JSON";
  EXPECT_FALSE(load([&](StateWriter& out) { head(out, 1), item(out, "", 1); })) << "empty";
  EXPECT_FALSE(load([&](StateWriter& out) { head(out, 2), item(out, "1", 1), item(out, "1", 1); })) << "twice";
  EXPECT_FALSE(load([&](StateWriter& out) { head(out, 0xffffffff); })) << "too many";
}

TEST(TopK, ErrorsShowOnlyWhenThereAreSome) {
  TestPlan plan("t=topk(v, 2), m=mode(v)");
  TestRow row(plan);
  for (int i = 0; i < 4096; ++i) plan.add(row.data(), {i, fmt::format("{{\"v\":{}}}", i)});
  for (int i = 0; i < 10; ++i) plan.add(row.data(), {i, R"({"v":"a"})"});
  // The last value was one too many: all counts were 1, so all of them lost 1.
  EXPECT_EQ(plan.results(row.data()), R"(,"t":[{"value":"a","count":9,"error":1}],"m":"a")");
  plan.add(row.data(), {0, R"({"v":7.0})"});
  EXPECT_EQ(plan.results(row.data()),
            R"(,"t":[{"value":"a","count":9,"error":1},{"value":7,"count":1,"error":1}],"m":"a")");
}

TEST(TopK, HoldsLongValuesWithinItsFigure) {
  TestPlan plan("t=topk(v, 1)");
  TestRow row(plan);
  EXPECT_EQ(plan.plan().extra_bytes(row.data()), 0U);
  const std::string text(4000, 'x');
  for (int i = 0; i < 100; ++i) plan.add(row.data(), {i, fmt::format("{{\"v\":\"{}{}\"}}", text, i)});
  EXPECT_GT(plan.plan().extra_bytes(row.data()), 400'000U);
}

}  // namespace
}  // namespace streamutils::window
