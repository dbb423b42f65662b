// SPDX-License-Identifier: Apache-2.0
// The parts of sliced windows against what they stand for: a vector, a search, a merge of all rows.
#include "lib/window/slices.hpp"

#include <algorithm>
#include <random>

#include "lib/window/sliding_merge.hpp"
#include "tests/unit/window/aggregates_fixture.hpp"

namespace streamutils::window {
namespace {

using Random = std::mt19937_64;

TEST(CompactVector, AsAQueueWithInsertionsIsAVector) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    SliceRows rows;
    std::vector<int64_t> model;
    for (int i = 0; i < 3000; ++i) {
      const bool grows = random() % 100 < (i / 500 % 2 == 0 ? 60 : 40);
      if (grows || model.empty()) {
        const size_t at = model.size() - std::min<size_t>(random() % 8, model.size());
        rows.insert(rows.begin() + at, SliceRow(i, nullptr));
        model.insert(model.begin() + static_cast<ptrdiff_t>(at), i);
      } else {
        const size_t at = random() % 4 == 0 ? random() % model.size() : 0;
        rows.erase(rows.begin() + at);
        model.erase(model.begin() + static_cast<ptrdiff_t>(at));
      }
      ASSERT_EQ(rows.size(), model.size());
      ASSERT_TRUE(std::equal(rows.begin(), rows.end(), model.begin(), model.end(),
                             [](const SliceRow& row, int64_t start) { return row.start == start; }))
          << "seed " << seed << " step " << i;
    }
  }
}

TEST(FirstFrom, IsTheLowerBoundWhateverTheGuess) {
  Random random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<SliceRow> rows;
    int64_t start = 0;
    for (uint64_t n = random() % 70; n > 0; --n)
      rows.emplace_back(start += 1 + static_cast<int64_t>(random() % 3), nullptr);
    for (int64_t wanted = -1; wanted <= start + 1; ++wanted) {
      const auto expected = std::lower_bound(rows.begin(), rows.end(), wanted,
                                             [](const SliceRow& row, int64_t from) { return row.start < from; });
      ASSERT_EQ(first_from(rows, wanted), rows.data() + (expected - rows.begin()));
      if (rows.empty()) continue;
      const size_t guess = random() % rows.size();
      ASSERT_EQ(first_from(rows, wanted, guess), rows.data() + (expected - rows.begin())) << wanted << ' ' << guess;
    }
  }
}

TEST(Slices, FindsThemAlsoAfterOthersAreErased) {
  Random random(5);
  Slices slices;
  std::map<int64_t, size_t> model;
  for (int i = 0; i < 20'000; ++i) {
    const int64_t start = i / 10 + static_cast<int64_t>(random() % 400);
    slices.at({start, start + 1, start + 1, start + 1}).keys.push_back(0);
    ++model[start];
    while (model.begin()->first < i / 10) {
      ASSERT_EQ(slices.begin()->first, model.begin()->first);
      ASSERT_EQ(slices.begin()->second.keys.size(), model.begin()->second);
      slices.erase(slices.begin());
      model.erase(model.begin());
    }
  }
  EXPECT_EQ(slices.last(), model.rbegin()->first);
}

/// Windows that slide over the rows of some keys, which come ahead of them, change behind them, and go.
TEST(SlidingMerge, IsTheMergeOfTheRowsInTheWindow) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    TestPlan plan("n=count(), top=max(v), d=distinct(v), last=last(v)");
    SlidingMerge merges(plan.plan());
    constexpr KeyId kKeys = 3;
    std::vector<std::unique_ptr<TestRow>> memory;
    std::array<SliceRows, kKeys> rows;
    const auto add = [&](KeyId key, int64_t start) {
      const auto at = std::lower_bound(rows[key].begin(), rows[key].end(), start,
                                       [](const SliceRow& row, int64_t from) { return row.start < from; });
      SliceRow* row = at;
      if (at == rows[key].end() || at->start != start) {
        memory.push_back(std::make_unique<TestRow>(plan));
        row = rows[key].insert(at, SliceRow(start, memory.back()->data()));
      }
      plan.add(row->row(), {start, fmt::format("{{\"v\":\"{} is longer than is kept in place\"}}", random() % 50)});
    };
    const int64_t size = 1 + static_cast<int64_t>(random() % 30);
    for (int64_t end = 1; end < 300; end += 1 + static_cast<int64_t>(random() % 20 == 0 ? random() % 50 : 0)) {
      for (uint64_t n = random() % 8; n > 0; --n) add(random() % kKeys, end + static_cast<int64_t>(random() % 10));
      if (random() % 20 == 0) {  // a late record
        const KeyId key = random() % kKeys;
        add(key, std::max<int64_t>(end - size, end - 1 - static_cast<int64_t>(random() % 10)));
        merges.forget(key);
      }
      for (KeyId key = 0; key < kKeys; ++key) {
        while (!rows[key].empty() && rows[key][0].start < end - size) rows[key].erase(rows[key].begin());
        const std::span<const SliceRow> all(rows[key].data(), rows[key].size());
        TestRow expected(plan);
        bool any = false;
        for (const SliceRow& row : all) {
          if (row.start >= end) break;
          plan.plan().merge(expected.data(), row.row());
          any = true;
        }
        merges.prefetch_sums(key, all);
        merges.prefetch_next(key, all);
        const char* merged = merges.merged(key, {end - size, end}, all);
        ASSERT_EQ(merged != nullptr, any) << "seed " << seed << " end " << end;
        if (any) {
          ASSERT_TRUE(plan.saved(merged) == plan.saved(expected.data())) << "seed " << seed << " end " << end;
        }
      }
    }
  }
}

}  // namespace
}  // namespace streamutils::window
