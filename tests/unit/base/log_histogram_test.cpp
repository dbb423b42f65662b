// SPDX-License-Identifier: Apache-2.0
#include "lib/base/log_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace streamutils {
namespace {

constexpr uint64_t kLargest = std::numeric_limits<uint64_t>::max();

/// Values of all sizes, from 0 to 2^64 - 1.
std::vector<uint64_t> values(uint64_t seed, size_t n) {
  std::mt19937_64 random(seed);
  std::vector<uint64_t> out;
  for (size_t i = 0; i < n; ++i) out.push_back(random() >> random() % 64);
  return out;
}

TEST(LogHistogram, SmallValuesAreExact) {
  LogHistogram h;
  for (uint64_t v = 0; v < 256; ++v) h.add(v);
  for (uint64_t rank = 1; rank <= 256; ++rank) EXPECT_EQ(h.value_at(rank), rank - 1);
  for (uint64_t v = 0; v < 256; ++v) EXPECT_EQ(h.at_most(v), v + 1);
}

TEST(LogHistogram, TheEndsOfTheRange) {
  LogHistogram h;
  EXPECT_EQ(h.count(), 0U);
  EXPECT_EQ(h.max(), 0U);
  EXPECT_EQ(h.at_most(kLargest), 0U);
  h.add(kLargest);
  h.add(0);
  EXPECT_EQ(h.value_at(1), 0U);
  EXPECT_EQ(h.value_at(2), kLargest);
  EXPECT_EQ(h.at_most(kLargest - 1), 1U);
  EXPECT_EQ(h.at_most(kLargest), 2U);
  LogHistogram neighbour;  // in the last bucket, whose bound is 2^64
  neighbour.add(kLargest - 1);
  EXPECT_EQ(neighbour.value_at(1), kLargest - 1);
}

TEST(LogHistogram, NeverTooLowAndTooHighByLessThanTheError) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::vector<uint64_t> all = values(seed, 500);
    LogHistogram h;
    for (const uint64_t v : all) h.add(v);
    std::ranges::sort(all);
    for (size_t i = 0; i < all.size(); ++i) {
      const uint64_t got = h.value_at(i + 1);
      EXPECT_GE(got, all[i]) << seed;
      EXPECT_LE(static_cast<double>(got), static_cast<double>(all[i]) * (1 + LogHistogram::kRelativeError)) << seed;
      EXPECT_LE(got, all.back());
      EXPECT_LE(h.at_most(all[i]), static_cast<uint64_t>(std::ranges::upper_bound(all, all[i]) - all.begin()));
      EXPECT_GE(h.at_most(got), i + 1) << "what value_at() promises is kept";
    }
  }
}

TEST(LogHistogram, MergingIsCounting) {
  const std::vector<uint64_t> all = values(7, 1000);
  LogHistogram whole, left, right;
  for (size_t i = 0; i < all.size(); ++i) {
    whole.add(all[i]);
    (i % 3 == 0 ? left : right).add(all[i]);
  }
  left.merge(right);
  EXPECT_EQ(left.count(), whole.count());
  EXPECT_EQ(left.max(), whole.max());
  for (uint64_t rank = 1; rank <= whole.count(); ++rank) EXPECT_EQ(left.value_at(rank), whole.value_at(rank));
}

}  // namespace
}  // namespace streamutils
