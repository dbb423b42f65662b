// SPDX-License-Identifier: Apache-2.0
#include "lib/window/stream_watermark.hpp"

#include <gtest/gtest.h>

namespace streamutils::window {
namespace {

constexpr UnitId kP0 = 1, kP1 = 2, kP2 = 3;

TEST(StreamWatermark, ASilentUnitHoldsUntilItIsIdle) {
  StreamWatermark w;
  w.add(kP0);
  w.add(kP1);
  EXPECT_FALSE(w.set_watermark(kP0, EventTime{100}));
  EXPECT_EQ(w.watermark(), kBeforeAll);
  EXPECT_TRUE(w.set_idle(kP1, true));
  EXPECT_EQ(w.watermark().us, 100);
}

TEST(StreamWatermark, AUnitThatComesBackHoldsButNeverLowers) {
  StreamWatermark w;
  w.add(kP0);
  w.set_idle(kP1, true);
  w.set_watermark(kP0, EventTime{100});
  EXPECT_FALSE(w.set_idle(kP1, false));
  EXPECT_FALSE(w.set_watermark(kP1, EventTime{50}));
  EXPECT_FALSE(w.set_watermark(kP0, EventTime{200}));
  EXPECT_EQ(w.watermark().us, 100);
  EXPECT_TRUE(w.set_watermark(kP1, EventTime{150}));
  EXPECT_EQ(w.watermark().us, 150);
}

TEST(StreamWatermark, WithAllUnitsIdleItStays) {
  StreamWatermark w;
  w.set_watermark(kP0, EventTime{50});
  w.add(kP1);
  EXPECT_FALSE(w.set_watermark(kP1, EventTime{80}));
  EXPECT_TRUE(w.set_idle(kP0, true));
  EXPECT_EQ(w.watermark().us, 80);
  EXPECT_FALSE(w.set_idle(kP1, true));
  EXPECT_FALSE(w.set_watermark(kP1, EventTime{500}));
  EXPECT_EQ(w.watermark().us, 80);
  EXPECT_TRUE(w.set_idle(kP1, false)) << "it is ahead of where they stopped";
  EXPECT_EQ(w.watermark().us, 500);
}

TEST(StreamWatermark, ANewUnitHolds) {
  StreamWatermark w;
  w.set_watermark(kP0, EventTime{100});
  w.add(kP2);
  EXPECT_FALSE(w.set_watermark(kP0, EventTime{200}));
  EXPECT_EQ(w.watermark().us, 100);
  EXPECT_TRUE(w.set_watermark(kP2, EventTime{120}));
  EXPECT_EQ(w.watermark().us, 120);
}

TEST(StreamWatermark, AnEqualOrLowerWatermarkIsIgnored) {
  StreamWatermark w;
  EXPECT_TRUE(w.set_watermark(kP0, EventTime{100}));
  EXPECT_FALSE(w.set_watermark(kP0, EventTime{100}));
  EXPECT_FALSE(w.set_watermark(kP0, EventTime{90}));
}

TEST(StreamWatermark, SavedAndLoadedByUnitName) {
  Units names, others;
  StreamWatermark w;
  w.set_watermark(names.id("t/0"), EventTime{100});
  w.set_idle(names.id("t/1"), true);
  StateWriter out;
  w.save(out, names);
  others.id("t/1");  // other numbers in the next process
  StreamWatermark again;
  StateReader in(out.bytes());
  ASSERT_TRUE(again.load(in, others));
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(again.watermark().us, 100);
  EXPECT_TRUE(again.set_watermark(others.id("t/0"), EventTime{110}));
  EXPECT_EQ(again.watermark().us, 110);
}

}  // namespace
}  // namespace streamutils::window
