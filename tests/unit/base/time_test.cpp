// SPDX-License-Identifier: Apache-2.0
#include "lib/base/time.hpp"

#include <gtest/gtest.h>

#include <random>

namespace streamutils {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

int64_t duration(std::string_view text) {
  const auto parsed = parse_duration(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? parsed->us : -12345;
}

TEST(Durations, Forms) {
  EXPECT_EQ(duration("0"), 0);
  EXPECT_EQ(duration("0s"), 0);
  EXPECT_EQ(duration("250us"), 250);
  EXPECT_EQ(duration("100ms"), 100'000);
  EXPECT_EQ(duration("10s"), 10'000'000);
  EXPECT_EQ(duration("1m"), 60'000'000);
  EXPECT_EQ(duration("1h30m"), 5'400'000'000);
  EXPECT_EQ(duration("1d"), 86'400'000'000);
  EXPECT_EQ(duration("1w"), 604'800'000'000);
  EXPECT_EQ(duration("-8h"), -28'800'000'000);
  EXPECT_EQ(duration("9223372036854775807us"), kMax);
  EXPECT_EQ(duration("-9223372036854775808us"), kMin);
}

TEST(Durations, Rejects) {
  for (const char* bad : {"",
                          "-",
                          "5",
                          "s",
                          "10 s",
                          "10S",
                          "1.5s",
                          "1m5h",
                          "1m1m",
                          "+1s",
                          "--1s",
                          "1s-1ms",
                          "1x",
                          "10sec",
                          "9223372036854775808us",
                          "99999999999999999999s",
                          "20000000w",
                          "0x1s",
                          " 1s",
                          "1s "}) {
    const auto parsed = parse_duration(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.status().code(), Code::usage);
    EXPECT_NE(parsed.status().message().find("1h30m"), std::string_view::npos);
  }
}

TEST(Durations, FormatReadsBack) {
  EXPECT_EQ(format_duration({90'000'000}), "1m30s");
  EXPECT_EQ(format_duration({0}), "0s");
  EXPECT_EQ(format_duration({-28'800'000'000}), "-8h");
  EXPECT_EQ(format_duration({1'500}), "1ms500us");
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto us = static_cast<int64_t>(random()) >> (random() % 64);
    ASSERT_EQ(duration(format_duration({us})), us);
  }
  for (const int64_t us : {kMin, kMax}) EXPECT_EQ(duration(format_duration({us})), us);
}

TEST(Bytes, Forms) {
  EXPECT_EQ(*parse_bytes("512"), 512);
  EXPECT_EQ(*parse_bytes("64KiB"), 65'536);
  EXPECT_EQ(*parse_bytes("1MiB"), 1'048'576);
  EXPECT_EQ(*parse_bytes("1GiB"), 1'073'741'824);
  EXPECT_EQ(*parse_bytes("10kB"), 10'000);
  EXPECT_EQ(*parse_bytes("2MB"), 2'000'000);
  EXPECT_EQ(*parse_bytes("1GB"), 1'000'000'000);
  for (const char* bad : {"", "-1", "1KB", "1kib", "1 MiB", "1.5MiB", "MiB", "9223372036854775808", "99999999999GiB"}) {
    const auto parsed = parse_bytes(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.status().code(), Code::usage);
  }
}

TEST(Iso, AsManyDigitsAsNeeded) {
  EXPECT_EQ(format_iso({1'769'860'800'000'000}), "2026-01-31T12:00:00Z");
  EXPECT_EQ(format_iso({1'769'860'800'120'000}), "2026-01-31T12:00:00.120Z");
  EXPECT_EQ(format_iso({1'769'860'800'000'001}), "2026-01-31T12:00:00.000001Z");
  EXPECT_EQ(format_iso({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_iso({-1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_iso({951'782'400'000'000}), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_iso({253'402'300'800'000'000}), "+010000-01-01T00:00:00Z");
  EXPECT_EQ(format_iso({-62'167'219'200'000'000}), "0000-01-01T00:00:00Z");
  EXPECT_EQ(format_iso({-62'167'219'200'000'001}), "-000001-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_iso(kBeforeAll), "-290308-12-21T19:59:05.224192Z");
  EXPECT_EQ(format_iso(kAfterAll), "+294247-01-10T04:00:54.775807Z");
}

TEST(TimeJson, Formats) {
  const auto json = [](int64_t us, TimeFormat format) {
    std::string out;
    append_time_json(out, EventTime{us}, format);
    return out;
  };
  EXPECT_EQ(json(0, TimeFormat::iso), "\"1970-01-01T00:00:00Z\"");
  EXPECT_EQ(json(1'999'999, TimeFormat::s), "1");
  EXPECT_EQ(json(-1, TimeFormat::s), "-1");
  EXPECT_EQ(json(-1'000'000, TimeFormat::s), "-1");
  EXPECT_EQ(json(-1, TimeFormat::ms), "-1");
  EXPECT_EQ(json(-1, TimeFormat::us), "-1");
  EXPECT_EQ(json(kMin, TimeFormat::s), "-9223372036855");
}

TEST(EventTimes, SaturateAtTheEnds) {
  EXPECT_EQ(add_saturating(EventTime{kMax - 1}, Duration{5}), kAfterAll);
  EXPECT_EQ(add_saturating(kBeforeAll, Duration{5}), kBeforeAll);
  EXPECT_EQ(subtract_saturating(EventTime{kMin + 1}, Duration{5}), kBeforeAll);
  EXPECT_EQ(subtract_saturating(kAfterAll, Duration{5}), kAfterAll);
  EXPECT_EQ(floor_to(-1, 10), -10);
  EXPECT_EQ(floor_to(-10, 10), -10);
  EXPECT_EQ(floor_to(19, 10), 10);
  EXPECT_EQ(floor_to(kMin, 10), kMin);
}

}  // namespace
}  // namespace streamutils
