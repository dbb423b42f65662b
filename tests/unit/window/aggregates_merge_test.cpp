// SPDX-License-Identifier: Apache-2.0
// Random records, cut into slices that are saved, loaded and merged, against one pass over all of them.
#include <algorithm>
#include <random>

#include "lib/json/decimal.hpp"
#include "tests/unit/window/aggregates_fixture.hpp"

namespace streamutils::window {
namespace {

constexpr std::string_view kList =
    "n=count(), c=count(v), s=sum(v), a=avg(v), lo=min(m), hi=max(m), f=first(m), l=last(m), sd=stddev(v), "
    "d=distinct(m), "
    "p50=p50(v), p99=p99(v), big=sum(v) where v > 100, both=s+n, md=median(v), va=var(v), sk=skewness(v), "
    "co=corr(v, w), r=rate(v), mo=mode(m), tk=topk(m, 5), h=histogram(v, -1e3, 0, 0.5, 1e3), cl=collect(m, 7), "
    "am=argmin(m, v), ax=argmax(v, m), fb=first_by(m, k), lb=last_by(m, k), an=any(m), dd=distinct(k, m)";

using Random = std::mt19937_64;

std::string random_number(Random& random) {
  const auto digits = [&](int count) {
    std::string text(1, static_cast<char>('1' + random() % 9));
    while (static_cast<int>(text.size()) < count) text += static_cast<char>('0' + random() % 10);
    return text;
  };
  const std::string sign = random() % 3 == 0 ? "-" : "";
  switch (random() % 8) {
    case 0:
      return sign + digits(1 + static_cast<int>(random() % 18));
    case 1:
      return sign + digits(1 + static_cast<int>(random() % 30)) + "." + digits(1 + static_cast<int>(random() % 25));
    case 2:
      return sign + digits(3) + "e" + std::to_string(static_cast<int>(random() % 600) - 300);
    case 3:
      return sign + "0." + digits(17);
    case 4:
      return "0";
    default:
      return sign + digits(1 + static_cast<int>(random() % 4)) + "." + digits(2);
  }
}

std::string random_record(Random& random, uint64_t values) {
  std::string record = "{\"v\":" + (random() % 10 == 0 ? "null" : random_number(random)) + ",\"m\":";
  const std::string small = std::to_string(random() % values);
  switch (random() % 5) {
    case 0:
      record += random_number(random);
      break;
    case 1:
      record += "null";
      break;
    case 2:
      record += "\"" + small + " a text of more than sixteen bytes\"";
      break;
    default:
      record += "\"\\u0061" + small + "\"";
  }
  return record + ",\"k\":" + std::to_string(random() % 5) + ",\"w\":" + random_number(random) + "}";
}

class AggregateMerge : public ::testing::TestWithParam<uint64_t> {};

TEST_P(AggregateMerge, SlicesEqualOnePass) {
  Random random(GetParam());
  TestPlan plan(kList);
  std::vector<TestRecord> records(random() % 4 == 0 ? 3000 : random() % 200);
  const uint64_t values = random() % 2 == 0 ? 100 : 100'000;
  for (TestRecord& record : records) {
    record.time = static_cast<int64_t>(random() % 1000) - 500;
    record.json = random_record(random, values);
  }
  TestRow whole(plan);
  for (const TestRecord& record : records) plan.add(whole.data(), record);

  // Slices are ranges of event time, each in order of arrival.
  std::vector<int64_t> bounds = {-500, 500};
  for (uint64_t i = random() % 6; i > 0; --i) bounds.push_back(static_cast<int64_t>(random() % 1000) - 500);
  std::sort(bounds.begin(), bounds.end());
  TestRow merged(plan);
  for (size_t i = 1; i < bounds.size(); ++i) {
    TestRow slice(plan);
    for (const TestRecord& record : records) {
      if (record.time >= bounds[i - 1] && record.time < bounds[i]) plan.add(slice.data(), record);
    }
    const std::string saved = plan.saved(slice.data());
    StateReader reader(saved);
    TestRow loaded(plan);
    ASSERT_TRUE(plan.plan().load(loaded.data(), reader));
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(plan.results(loaded.data()), plan.results(slice.data()));
    EXPECT_TRUE(plan.saved(loaded.data()) == saved);
    plan.plan().merge(merged.data(), loaded.data());
    EXPECT_TRUE(plan.saved(loaded.data()) == saved) << "merge() changed its argument";
  }
  EXPECT_EQ(plan.results(merged.data()), plan.results(whole.data()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, AggregateMerge, ::testing::Range<uint64_t>(1, 61));

TEST(AggregateMergeState, SketchesDoNotDependOnOrder) {
  Random random(7);
  TestPlan plan("d=distinct(m), p=p90(v), h=histogram(v, 0, 1, 2), dd=distinct(m, k), mo=mode(k)");
  std::vector<TestRecord> records(5000);
  for (TestRecord& record : records) record.json = random_record(random, 1'000'000);
  std::string expected;
  for (int round = 0; round < 4; ++round) {
    // A tree of merges, larger into smaller and the other way round.
    std::vector<std::unique_ptr<TestRow>> rows;
    for (int i = 0; i < 12; ++i) rows.push_back(std::make_unique<TestRow>(plan));
    for (const TestRecord& record : records) plan.add(rows[std::min<uint64_t>(random() % 40, 11)]->data(), record);
    while (rows.size() > 1) {
      std::shuffle(rows.begin(), rows.end(), random);
      plan.plan().merge(rows.front()->data(), rows.back()->data());
      rows.pop_back();
    }
    const std::string saved = plan.saved(rows.front()->data());
    if (expected.empty()) expected = saved;
    EXPECT_TRUE(saved == expected) << "round " << round;
  }
}

TEST(AggregateMergeState, SumsEqualDecimals) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    TestPlan plan("s=sum(v)");
    TestRow row(plan);
    Decimal sum;
    const bool wild = seed % 2 == 0;
    for (int i = 0; i < 500; ++i) {
      const std::string number =
          wild ? random_number(random) : std::to_string(static_cast<int64_t>(random()) / 100) + ".25";
      plan.add(row.data(), {0, "{\"v\":" + number + "}"});
      sum += *Decimal::parse(number);
    }
    EXPECT_EQ(plan.results(row.data()), ",\"s\":" + sum.to_json()) << "seed " << seed;
  }
}

TEST(AggregateMergeState, DamagedStateIsRefusedOrHarmless) {
  Random random(11);
  TestPlan plan(kList);
  for (const size_t count : {0, 5, 3000}) {
    TestRow row(plan);
    for (size_t i = 0; i < count; ++i) plan.add(row.data(), {0, random_record(random, 100'000)});
    const std::string saved = plan.saved(row.data());
    for (int i = 0; i < 300; ++i) {
      std::string damaged = saved;
      if (i % 2 == 0) {
        damaged.resize(random() % damaged.size());
        StateReader reader(damaged);
        TestRow loaded(plan);
        EXPECT_FALSE(plan.plan().load(loaded.data(), reader));
        continue;
      }
      // Damage near the front reaches the small states; the sketches fill the rest.
      const size_t at = random() % (i % 4 == 1 ? std::min<size_t>(damaged.size(), 400) : damaged.size());
      damaged[at] = static_cast<char>(random());
      StateReader reader(damaged);
      TestRow loaded(plan);
      if (plan.plan().load(loaded.data(), reader)) {
        plan.plan().merge(row.data(), loaded.data());
        EXPECT_FALSE(plan.results(loaded.data()).empty());
      }
    }
  }
}

/// Records that are added together are added one by one, whatever rows they are of.
TEST(AggregateMergeState, BlocksEqualRecords) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    TestPlan plan(kList);
    constexpr size_t kRows = 3;
    std::vector<std::unique_ptr<TestRow>> one_by_one, together;
    for (size_t i = 0; i < kRows; ++i) {
      one_by_one.push_back(std::make_unique<TestRow>(plan));
      together.push_back(std::make_unique<TestRow>(plan));
    }
    for (int block = 0; block < 80; ++block) {
      std::vector<std::pair<char*, TestRecord>> records(random() % (kMostAdditions + 1));
      for (auto& [row, record] : records) {
        const size_t at = random() % kRows;
        record = {static_cast<int64_t>(random() % 1000), random_record(random, seed % 2 == 0 ? 50 : 100'000)};
        row = together[at]->data();
        plan.add(one_by_one[at]->data(), record);
      }
      plan.add(records);
    }
    for (size_t i = 0; i < kRows; ++i) {
      EXPECT_TRUE(plan.saved(one_by_one[i]->data()) == plan.saved(together[i]->data())) << "seed " << seed;
    }
  }
}

/// A row that was moved with memcpy is the same row.
TEST(AggregateMergeState, RowsMayBeMoved) {
  Random random(13);
  TestPlan plan(kList);
  TestRow whole(plan);
  const size_t bytes = plan.plan().row_bytes();
  std::vector<std::vector<uint64_t>> homes(1, std::vector<uint64_t>(bytes / 8));
  char* row = reinterpret_cast<char*>(homes.back().data());
  plan.plan().init(row);
  for (int i = 0; i < 200; ++i) {
    const TestRecord record{i, random_record(random, 1000)};
    plan.add(whole.data(), record);
    plan.add(row, record);
    homes.emplace_back(bytes / 8);
    char* next = reinterpret_cast<char*>(homes.back().data());
    std::memcpy(next, row, bytes);
    std::memset(row, 0xee, bytes);
    row = next;
  }
  EXPECT_EQ(plan.results(row), plan.results(whole.data()));
  EXPECT_GT(plan.plan().extra_bytes(row), 0U);
  plan.plan().destroy(row);
}

}  // namespace
}  // namespace streamutils::window
