// SPDX-License-Identifier: Apache-2.0
// The suggested bounds keep what they promise, and are not much wider than they have to be.
#include "tools/swatermark/lateness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace streamutils::swatermark {
namespace {

/// How far each time is behind the largest one before it.
std::vector<uint64_t> disorder(const std::vector<int64_t>& times) {
  std::vector<uint64_t> out;
  int64_t newest = std::numeric_limits<int64_t>::min();
  for (const int64_t t : times) {
    newest = std::max(newest, t);
    out.push_back(static_cast<uint64_t>(newest) - static_cast<uint64_t>(t));
  }
  return out;
}

Lateness lateness_of(const std::vector<int64_t>& times) {
  Lateness lateness;
  lateness.count(times.size());
  for (const uint64_t d : disorder(times)) {
    if (d > 0) lateness.behind_newest(d);
  }
  return lateness;
}

/// How many records come behind the watermark when a run has this bound, by the rule of the semantics itself.
uint64_t behind(const std::vector<int64_t>& times, Duration bound, int64_t step) {
  uint64_t late = 0;
  EventTime watermark = kBeforeAll;
  int64_t newest = std::numeric_limits<int64_t>::min();
  for (const int64_t t : times) {
    late += EventTime{t} < watermark;
    newest = std::max(newest, t);
    const EventTime w = subtract_saturating(EventTime{newest}, bound);
    watermark = std::max(watermark, step == 0 || w == kBeforeAll ? w : EventTime{floor_to(w.us, step)});
  }
  return late;
}

std::vector<int64_t> random_times(std::mt19937_64& random) {
  const int64_t pace = static_cast<int64_t>(random() % 5'000'000);
  const int shift = 64 - 8 - static_cast<int>(random() % 32);
  const uint64_t one_in = 1 + random() % 20;
  std::vector<int64_t> times;
  for (int64_t i = 0; i < 3000; ++i) {
    int64_t t = 1'700'000'000'000'000 + i * pace;
    if (random() % one_in == 0) t -= static_cast<int64_t>(random() >> (shift + random() % 8));
    times.push_back(t);
  }
  return times;
}

TEST(Lateness, ABoundKeepsItsShareWhateverTheStep) {
  std::mt19937_64 random(20261123);
  for (int round = 0; round < 100; ++round) {
    const std::vector<int64_t> times = random_times(random);
    const Lateness lateness = lateness_of(times);
    std::vector<uint64_t> exact = disorder(times);
    std::ranges::sort(exact);
    for (const uint32_t share : Lateness::kShares) {
      const uint64_t wanted = (times.size() * share + 99'999) / 100'000;
      const Lateness::Bound got = lateness.bound_for(share);
      for (const int64_t step : {int64_t{0}, int64_t{100'000}}) {
        const uint64_t late = behind(times, got.bound, step);
        EXPECT_LE(late, times.size() - wanted) << share;
        EXPECT_LE(late, got.behind) << "no more than was said";
      }
      EXPECT_LE(got.behind, times.size() - wanted) << share;
      EXPECT_GE(static_cast<uint64_t>(got.bound.us), exact[wanted - 1]);
      EXPECT_LE(static_cast<double>(got.bound.us), static_cast<double>(exact[wanted - 1]) * 1.06) << share;
      EXPECT_EQ((*parse_duration(format_duration(got.bound))).us, got.bound.us) << "as it is pasted";
    }
  }
}

TEST(Lateness, InOrderNeedsNoBound) {
  const Lateness lateness = lateness_of({1, 2, 2, 5});
  for (const uint32_t share : Lateness::kShares) EXPECT_EQ(lateness.bound_for(share).bound.us, 0);
  EXPECT_EQ(lateness.suggestions().back(),
            "--bounded 0s         # keeps 100 %; at most 0 of 4 records come behind the watermark");
}

TEST(Lateness, TheWholeRangeOfTimes) {
  const int64_t lowest = std::numeric_limits<int64_t>::min() + 1, highest = std::numeric_limits<int64_t>::max() - 1;
  const Lateness lateness = lateness_of({highest, lowest});
  EXPECT_EQ(lateness.bound_for(50'000).bound.us, 0);
  EXPECT_EQ(lateness.bound_for(100'000).bound.us, std::numeric_limits<int64_t>::max())
      << "the widest there is; it keeps only what it can";
  EXPECT_EQ(lateness.bound_for(100'000).behind, 1U);
}

}  // namespace
}  // namespace streamutils::swatermark
