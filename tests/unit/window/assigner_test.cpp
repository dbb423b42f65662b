// SPDX-License-Identifier: Apache-2.0
#include "lib/window/assigner.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <tuple>
#include <vector>

namespace streamutils::window {
namespace {

using Fit = SliceAssigner::Fit;

SliceAssigner assigner(int64_t size, int64_t slide, int64_t offset = 0) {
  return SliceAssigner(Duration{size}, Duration{slide}, Duration{offset});
}

std::vector<Interval> windows_of(const SliceAssigner& a, int64_t time) {
  SliceBounds slice;
  if (a.assign(time, slice) != Fit::assigned) return {};
  EXPECT_TRUE(slice.contains(time));
  std::vector<Interval> windows;
  for (std::optional<int64_t> end = slice.first_end; end && *end <= slice.last_end; end = a.end_after(*end)) {
    windows.push_back(a.window(*end));
  }
  return windows;
}

/// Times near zero and far from it are computed differently.
TEST(SliceAssigner, FarAwaySlicesAreThoseNearbyMovedByWholeSlides) {
  for (const auto& [size, slide, offset] :
       {std::tuple<int64_t, int64_t, int64_t>{10, 10, 0}, {10, 10, 3}, {10, 3, 0}, {10, 3, -2}, {3, 10, 4}}) {
    for (const bool cumulates : {false, true}) {
      if (cumulates && size % slide != 0) continue;
      const SliceAssigner a = cumulates
                                  ? SliceAssigner::cumulating(Duration{size * 4}, Duration{slide}, Duration{offset})
                                  : assigner(size, slide, offset);
      const int64_t far = size * slide * 4 * (int64_t{3'000'000'000'000'000'000} / (size * slide * 4));
      for (int64_t time = -50; time <= 50; ++time) {
        for (const int64_t moved : {far, -far}) {
          SliceBounds near_slice, far_slice;
          const Fit fit = a.assign(time, near_slice);
          ASSERT_EQ(a.assign(time + moved, far_slice), fit);
          if (fit != Fit::assigned) continue;
          EXPECT_EQ(far_slice.start, near_slice.start + moved);
          EXPECT_EQ(far_slice.end, near_slice.end + moved);
          EXPECT_EQ(far_slice.first_end, near_slice.first_end + moved);
          EXPECT_EQ(far_slice.last_end, near_slice.last_end + moved);
        }
      }
    }
  }
}

using Windows = std::vector<Interval>;

TEST(SliceAssigner, TumblingWindowsStartAtMultiplesAlsoBelowZero) {
  const SliceAssigner a = assigner(10, 10);
  EXPECT_EQ(windows_of(a, 0), (Windows{{0, 10}}));
  EXPECT_EQ(windows_of(a, 10), (Windows{{10, 20}}));
  EXPECT_EQ(windows_of(a, -1), (Windows{{-10, 0}}));
  EXPECT_EQ(windows_of(a, -10), (Windows{{-10, 0}}));
  EXPECT_EQ(windows_of(a, -11), (Windows{{-20, -10}}));
}

TEST(SliceAssigner, OffsetShiftsTheStart) { EXPECT_EQ(windows_of(assigner(24, 24, -8), 0), (Windows{{-8, 16}})); }

TEST(SliceAssigner, SlidingWindowsOverlap) {
  EXPECT_EQ(windows_of(assigner(10, 5), 7), (Windows{{0, 10}, {5, 15}}));
  EXPECT_EQ(windows_of(assigner(10, 5), 3), (Windows{{-5, 5}, {0, 10}}));
  EXPECT_EQ(windows_of(assigner(10, 3), 9).size(), 4u);
  EXPECT_EQ(windows_of(assigner(10, 3), 10).size(), 3u);
}

TEST(SliceAssigner, ASlideLongerThanTheWindowLeavesGaps) {
  SliceBounds slice;
  EXPECT_EQ(assigner(5, 10).assign(7, slice), Fit::unassigned);
  EXPECT_EQ(windows_of(assigner(5, 10), 4), (Windows{{0, 5}}));
}

TEST(SliceAssigner, EqualsWalkingBackForEveryRatio) {
  for (int64_t size = 1; size <= 12; ++size) {
    for (int64_t slide = 1; slide <= 14; ++slide) {
      for (int64_t offset = -slide + 1; offset < slide; ++offset) {
        const SliceAssigner a = assigner(size, slide, offset);
        for (int64_t time = -30; time <= 30; ++time) {
          int64_t r = (time - offset) % slide;
          if (r < 0) r += slide;
          Windows expected;
          for (int64_t start = time - r; start > time - size; start -= slide)
            expected.insert(expected.begin(), {start, start + size});
          ASSERT_EQ(windows_of(a, time), expected) << size << '/' << slide << '+' << offset << " at " << time;
        }
      }
    }
  }
}

TEST(SliceAssigner, CumulatingWindowsGrowFromOneStart) {
  const SliceAssigner a = SliceAssigner::cumulating(Duration{30}, Duration{10}, Duration{});
  EXPECT_EQ(windows_of(a, 0), (Windows{{0, 10}, {0, 20}, {0, 30}}));
  EXPECT_EQ(windows_of(a, 10), (Windows{{0, 20}, {0, 30}}));
  EXPECT_EQ(windows_of(a, 29), (Windows{{0, 30}}));
  EXPECT_EQ(windows_of(a, -1), (Windows{{-30, 0}}));
  EXPECT_EQ(a.end_after(30), 40);
  EXPECT_EQ(a.start_of(40), 30);
  EXPECT_EQ(windows_of(SliceAssigner::cumulating(Duration{30}, Duration{10}, Duration{-25}), 4), (Windows{{-25, 5}}));
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  SliceBounds slice;
  EXPECT_EQ(a.assign(kMax, slice), Fit::out_of_range);
  EXPECT_EQ(a.assign(-kMax, slice), Fit::out_of_range);
}

TEST(SliceAssigner, WindowsBeyondTheEndsOfTimeAreOutOfRange) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
  SliceBounds slice;
  EXPECT_EQ(assigner(10, 10).assign(kMax, slice), Fit::out_of_range);
  EXPECT_EQ(assigner(10, 10).assign(kMin, slice), Fit::out_of_range);
  EXPECT_EQ(assigner(10, 5).assign(kMin + 5, slice), Fit::out_of_range) << "one of its two windows";
  EXPECT_EQ(assigner(10, 10).assign(kMax - 10, slice), Fit::assigned);
  EXPECT_EQ(assigner(kMax, kMax).assign(5, slice), Fit::assigned);
  EXPECT_FALSE(assigner(10, 10).end_after(kMax).has_value());
  EXPECT_TRUE(assigner(10, 5).is_end(-5));
  EXPECT_FALSE(assigner(10, 5).is_end(4));
  EXPECT_FALSE(assigner(10, 5).is_end(kMin));
}

}  // namespace
}  // namespace streamutils::window
