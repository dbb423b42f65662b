// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/batch.hpp"

#include <gtest/gtest.h>

namespace streamutils {
namespace {

TEST(Units, StdinIsAlwaysZero) {
  Units units;
  EXPECT_EQ(units.id("-"), Units::kStream);
  EXPECT_EQ(units.id("t/0"), 1U);
  for (int i = 0; i < 1000; ++i) units.id("t/" + std::to_string(i));
  EXPECT_EQ(units.id("t/0"), 1U);
  EXPECT_EQ(units.name(units.id("t/999")), "t/999");
  EXPECT_EQ(units.size(), 1001U);
}

TEST(Place, NamesUnitAndOffset) {
  Units units;
  const UnitId unit = units.id("clicks/0");
  EXPECT_EQ(format_place(units, unit, 1234), "clicks/0@1234");
  EXPECT_EQ(format_place(units, unit, kNoOffset), "clicks/0");
  EXPECT_EQ(format_place(units, Units::kStream, 12), "line 12");
  EXPECT_EQ(format_place(units, Units::kStream, kNoOffset), "the input");
}

TEST(BatchBuilder, AColumnNeedsAValueInEveryRecord) {
  BatchBuilder builder;
  builder.clear(3);
  const int64_t one = 1, two = 2;
  builder.append("a", &one, &one);
  builder.append("bc", &two);
  const Batch batch = builder.batch();
  EXPECT_EQ(batch.unit, 3U);
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch.record(1), "bc");
  ASSERT_EQ(batch.times.size(), 2U);
  EXPECT_EQ(batch.times[1], 2);
  EXPECT_TRUE(batch.offsets.empty());
  EXPECT_EQ(batch.offset(0), kNoOffset);
  EXPECT_TRUE(batch.kafka_times.empty());
}

TEST(BatchBuilder, PartsKeepTheirColumns) {
  BatchBuilder builder;
  builder.clear(0);
  for (int64_t i = 0; i < 10; ++i) {
    const int64_t time = -i, offset = 100 + i;
    builder.append(std::to_string(i), &time, &offset, &i);
  }
  const Batch all = builder.batch();
  const Batch part = all.part(3, 4);
  ASSERT_EQ(part.size(), 4U);
  EXPECT_EQ(part.record(0), "3");
  EXPECT_EQ(part.times[3], -6);
  EXPECT_EQ(part.offset(0), 103);
  EXPECT_EQ(part.kafka_times[1], 4);
  EXPECT_EQ(all.part(10, 0).size(), 0U);

  BatchBuilder copy;
  copy.clear(0);
  for (size_t i = 0; i < part.size(); ++i) copy.append(part, i);
  const Batch copied = copy.batch();
  EXPECT_EQ(copied.record(3), "6");
  EXPECT_EQ(copied.offset(3), 106);
}

TEST(BatchBuilder, CommitDiscardAndClear) {
  BatchBuilder builder;
  builder.clear(0);
  builder.text() += "{\"half";
  builder.discard();
  builder.text() += "{}";
  builder.commit();
  builder.text() += "{\"lost";
  builder.discard();
  builder.append("x");
  Batch batch = builder.batch();
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch.record(0), "{}");
  EXPECT_EQ(batch.record(1), "x");
  for (size_t i = 0; i < kJsonPadding; ++i) [[maybe_unused]] const volatile char padding = batch.record(1).end()[i];
  builder.clear(1);
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.batch().size(), 0U);
}

}  // namespace
}  // namespace streamutils
