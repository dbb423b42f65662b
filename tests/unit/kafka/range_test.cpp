// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/range.hpp"

#include <gtest/gtest.h>

namespace streamutils {
namespace {

using Kind = KafkaPosition::Kind;
constexpr WallTime kNow{1'700'000'000'000'000};

TEST(KafkaTime, IsIsoOrMillisecondsOrFromNow) {
  EXPECT_EQ(*parse_kafka_time("1000", kNow), 1000);
  EXPECT_EQ(*parse_kafka_time("1970-01-01T00:00:01Z", kNow), 1000);
  EXPECT_EQ(*parse_kafka_time("1969-12-31T23:59:59.9999Z", kNow), 0) << "-1 would ask Kafka for the end of the log";
  EXPECT_EQ(*parse_kafka_time("-365000d", kNow), 0);
  EXPECT_EQ(*parse_kafka_time("-1h", kNow), 1'700'000'000'000 - 3'600'000);
  EXPECT_EQ(*parse_kafka_time("0", kNow), 0);
  for (const char* text : {"", "yesterday", "-5", "99999999999999999999", "2023-02-30", "-9999999999w"}) {
    EXPECT_EQ(parse_kafka_time(text, kNow).status().code(), Code::usage) << text;
  }
}

TEST(KafkaOffset, TakesEveryForm) {
  const auto start = [](std::string_view text) {
    KafkaRange range;
    EXPECT_TRUE(add_kafka_offset(range, text, kNow).ok()) << text;
    return range.start.value_or(KafkaPosition{Kind::end, -1});
  };
  EXPECT_EQ(start("beginning"), (KafkaPosition{Kind::beginning, 0}));
  EXPECT_EQ(start("end"), (KafkaPosition{Kind::end, 0}));
  EXPECT_EQ(start("stored"), (KafkaPosition{Kind::stored, 0}));
  EXPECT_EQ(start("0"), (KafkaPosition{Kind::offset, 0}));
  EXPECT_EQ(start("42"), (KafkaPosition{Kind::offset, 42}));
  EXPECT_EQ(start("-42"), (KafkaPosition{Kind::last, 42}));
  EXPECT_EQ(start("s@1000"), (KafkaPosition{Kind::time, 1000}));
  KafkaRange range;
  EXPECT_FALSE(range.bounded());
  ASSERT_TRUE(add_kafka_offset(range, "e@2000", kNow).ok());
  EXPECT_TRUE(range.bounded());
  EXPECT_FALSE(range.start);
  EXPECT_EQ(range.until_ms, 2000);
}

TEST(KafkaOffset, RefusesOthers) {
  for (const char* text :
       {"", "begin", "1.5", "s@", "e@never", "-", "--1", "1e3", "9223372036854775808", "-9223372036854775808"}) {
    KafkaRange range;
    EXPECT_EQ(add_kafka_offset(range, text, kNow).code(), Code::usage) << text;
  }
}

}  // namespace
}  // namespace streamutils
