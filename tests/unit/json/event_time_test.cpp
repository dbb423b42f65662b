// SPDX-License-Identifier: Apache-2.0
#include "lib/json/event_time.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "lib/json/quick_time.hpp"
#include "lib/json/token.hpp"

namespace streamutils {
namespace {

std::optional<int64_t> read(std::string_view raw, TimeUnit unit = TimeUnit::automatic) {
  JsonValue value{JsonType::number, raw.find('\\') != std::string_view::npos, raw};
  if (raw.front() == '"') value.type = JsonType::string;
  if (raw == "null") value.type = JsonType::null;
  const auto time = read_event_time(value, unit);
  return time ? std::optional(time->us) : std::nullopt;
}
std::optional<int64_t> iso(std::string_view text) {
  const auto time = parse_iso(text);
  return time ? std::optional(time->us) : std::nullopt;
}
constexpr auto kNone = std::optional<int64_t>();

TEST(EventTime, UnitsAreToldApartBySize) {
  for (const char* quote : {"", "\""}) {
    const auto number = [&](const std::string& digits) { return read(quote + digits + quote); };
    EXPECT_EQ(number("99999999999"), 99'999'999'999'000'000);
    EXPECT_EQ(number("100000000000"), 100'000'000'000'000);
    EXPECT_EQ(number("99999999999999"), 99'999'999'999'999'000);
    EXPECT_EQ(number("100000000000000"), 100'000'000'000'000);
    EXPECT_EQ(number("99999999999999999"), 99'999'999'999'999'999);
    EXPECT_EQ(number("100000000000000000"), 100'000'000'000'000);
    EXPECT_EQ(number("1700000000123456789"), 1'700'000'000'123'456);
    EXPECT_EQ(number("-100000000000"), -100'000'000'000'000);
    EXPECT_EQ(number("-1700000000123456789"), -1'700'000'000'123'457);
    EXPECT_EQ(number("0"), 0);
    EXPECT_EQ(number("12345678901234567890123"), kNone);
  }
}

TEST(EventTime, GivenUnits) {
  EXPECT_EQ(read("5", TimeUnit::s), 5'000'000);
  EXPECT_EQ(read("5", TimeUnit::ms), 5'000);
  EXPECT_EQ(read("5", TimeUnit::us), 5);
  EXPECT_EQ(read("5999", TimeUnit::ns), 5);
  EXPECT_EQ(read("-1", TimeUnit::ns), -1);
  EXPECT_EQ(read("-0", TimeUnit::ns), 0);
  EXPECT_EQ(read("\"5\"", TimeUnit::iso), kNone);
  EXPECT_EQ(read("5", TimeUnit::iso), kNone);
  EXPECT_EQ(read("\"2026-01-31\"", TimeUnit::s), kNone);
  EXPECT_EQ(read("\"1970-01-02\"", TimeUnit::iso), 86'400'000'000);
}

TEST(EventTime, FractionsAndExponentsAreExactTowardsThePast) {
  EXPECT_EQ(read("1700000000.123456"), 1'700'000'000'123'456);
  EXPECT_EQ(read("1700000000.1234569"), 1'700'000'000'123'456);
  EXPECT_EQ(read("1700000000.12345678901234567890"), 1'700'000'000'123'456);
  EXPECT_EQ(read("-0.0000001", TimeUnit::s), -1);
  EXPECT_EQ(read("-0.0000010", TimeUnit::s), -1);
  EXPECT_EQ(read("-0.0000011", TimeUnit::s), -2);
  EXPECT_EQ(read("-0.00000000000000001", TimeUnit::ns), -1);
  EXPECT_EQ(read("0.00000000000000001", TimeUnit::ns), 0);
  EXPECT_EQ(read("1.7e9"), 1'700'000'000'000'000);
  EXPECT_EQ(read("1.7e12"), 1'700'000'000'000'000);
  EXPECT_EQ(read("17e17"), 1'700'000'000'000'000);
  EXPECT_EQ(read("-1e-300"), -1);
  EXPECT_EQ(read("1e-300"), 0);
  EXPECT_EQ(read("1e400"), kNone);
  EXPECT_EQ(read("1e401"), kNone);
  EXPECT_EQ(read("99999999999.9999999999999999"), 99'999'999'999'999'999);
}

TEST(EventTime, EndsOfTime) {
  EXPECT_EQ(read("-9223372036854775808", TimeUnit::us), kNone) << "the smallest int64 is no time";
  EXPECT_EQ(read("\"-9223372036854775808\"", TimeUnit::us), kNone);
  EXPECT_EQ(read("-9223372036854775807.5", TimeUnit::us), kNone);
  EXPECT_EQ(read("-9223372036854775807", TimeUnit::us), -9'223'372'036'854'775'807);
  EXPECT_EQ(read("9223372036854775807", TimeUnit::us), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(read("9223372036854775808", TimeUnit::us), kNone);
  EXPECT_EQ(read("9223372036854775807999", TimeUnit::ns), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(read("\"9223372036854775807999\"", TimeUnit::ns), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(read("9223372036854775808000", TimeUnit::ns), kNone);
  EXPECT_EQ(read("\"" + format_iso(kBeforeAll) + "\""), kNone);
  EXPECT_EQ(iso("-290308-12-21T19:59:05.224192Z"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(iso("-290308-12-21T19:59:05.224191Z"), kNone);
  EXPECT_EQ(iso("+294247-01-10T04:00:54.775807Z"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(iso("+294247-01-10T04:00:54.775808Z"), kNone);
  EXPECT_EQ(iso("+294247-01-10T05:00:54.775807+01:00"), std::numeric_limits<int64_t>::max());
}

TEST(EventTime, DigitStrings) {
  EXPECT_EQ(read("\"+1700000000\""), 1'700'000'000'000'000);
  EXPECT_EQ(read("\"0000000000000000000000001700000000\""), 1'700'000'000'000'000);
  EXPECT_EQ(read("\"1700000000123\"", TimeUnit::ms), 1'700'000'000'123'000);
  EXPECT_EQ(read(R"("170000000\u0030")"), 1'700'000'000'000'000);
  for (const char* bad : {"\"\"", "\"-\"", "\"+\"", "\" 1\"", "\"1 \"", "\"1e9\"", "\"0x10\"", "\"--1\"",
                          "\"12345678:\"", "\"1234567/\"", "\"170000000012a\"", "\"now\"", "null"}) {
    EXPECT_EQ(read(bad), kNone) << bad;
  }
}

TEST(EventTime, DigitStringsOfEveryLength) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto number = static_cast<int64_t>(random() >> (1 + random() % 62));
    EXPECT_EQ(read("\"" + std::to_string(number) + "\"", TimeUnit::us), number);
    EXPECT_EQ(read(std::to_string(-number), TimeUnit::us), -number);
  }
}

/// The quick forms, and texts one or two bytes beside them, say the same as the general reading.
TEST(EventTime, TheQuickReadingDiffersInNothing) {
  std::mt19937_64 random(11);
  const std::string_view odd = "0123456789:/-+.,TZ eE\x80\xff";
  int quick = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text;
    if (random() % 2 == 0) {
      for (size_t n = random() % 21; n > 0; --n) text += static_cast<char>('0' + random() % 10);
    } else {
      const EventTime time{static_cast<int64_t>(random() % 253'402'300'800'000'000) - 62'000'000'000'000'000};
      const size_t digits = std::array<size_t, 4>{0, 3, 6, 9}[random() % 4];
      text = format_iso(time).substr(0, 19);
      if (digits != 0) text += ".123456789";
      if (digits != 0) text.resize(20 + digits);
      text += 'Z';
      if (random() % 4 == 0) text[5 + random() % 14] = static_cast<char>('0' + random() % 10);
    }
    for (size_t n = random() % 3; n > 0 && !text.empty(); --n) {
      if (random() % 2 == 0) text[random() % text.size()] = odd[random() % odd.size()];
    }
    const std::string raw = '"' + text + '"';
    const auto unit = static_cast<TimeUnit>(random() % 6);
    JsonValue value{JsonType::string, false, raw};
    if (is_json_number(text) && random() % 2 == 0) value = {JsonType::number, false, text};
    const auto general = read_any_event_time(value, unit);
    ASSERT_EQ(read_event_time(value, unit), general) << value.raw << " as " << name(unit);
    std::array<int64_t, 1> column{};
    read_event_times(&value, 1, unit, column);
    ASSERT_EQ(column[0], general.value_or(kBeforeAll).us) << value.raw;
    quick += quick_time::read(value, unit) != quick_time::kUnread ? 1 : 0;
  }
  EXPECT_GT(quick, 50'000);
}

TEST(Iso, Forms) {
  EXPECT_EQ(iso("1970-01-01"), 0);
  EXPECT_EQ(iso("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(iso("1970-01-01 00:01"), 60'000'000);
  EXPECT_EQ(iso("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(iso("1970-01-01T01:00:00+0100"), 0);
  EXPECT_EQ(iso("1970-01-01T01:00:00+01"), 0);
  EXPECT_EQ(iso("1969-12-31T16:00:00-08:00"), 0);
  EXPECT_EQ(iso("1970-01-01T00:00:00.5Z"), 500'000);
  EXPECT_EQ(iso("1970-01-01T00:00:00.123456999Z"), 123'456);
  EXPECT_EQ(iso("1969-12-31T23:59:59.9999999Z"), -1);
  EXPECT_EQ(iso("19700101T000001"), 1'000'000);
  EXPECT_EQ(iso("19700101T000001.25Z"), 1'250'000);
  EXPECT_EQ(iso("19700101T0001+0000"), 60'000'000);
  EXPECT_EQ(iso("2016-12-31T23:59:60Z"), iso("2017-01-01T00:00:00Z"));
  EXPECT_EQ(iso("2024-02-29T00:00:00Z"), 1'709'164'800'000'000);
  EXPECT_EQ(iso("0000-01-01T00:00:00Z"), -62'167'219'200'000'000);
  EXPECT_EQ(iso("-000001-12-31T23:59:59Z"), -62'167'219'201'000'000);
  EXPECT_EQ(iso("+010000-01-01T00:00:00Z"), 253'402'300'800'000'000);
}

TEST(Iso, Rejects) {
  for (const char* bad : {"",
                          "1970",
                          "1970-01",
                          "1970-1-1",
                          "1970-13-01",
                          "1970-00-01",
                          "1970-01-00",
                          "1970-01-32",
                          "2023-02-29",
                          "1900-02-29",
                          "2026-02-30",
                          "2026-04-31",
                          "1970-01-01T",
                          "1970-01-01T1",
                          "1970-01-01T01",
                          "1970-01-01T24:00:00",
                          "1970-01-01T00:60:00",
                          "1970-01-01T00:00:61",
                          "1970-01-01T00:00:00.",
                          "1970-01-01T00:00:00.Z",
                          "1970-01-01T00:00:00Zx",
                          "1970-01-01T00:00:00+",
                          "1970-01-01T00:00:00+1",
                          "1970-01-01T00:00:00+24:00",
                          "1970-01-01T00:00:00+01:",
                          "1970-01-01T00:00:00+01:60",
                          "1970-01-01T00:00:00 Z",
                          "1970-01-01  00:00:00",
                          "19700101",
                          "1970-0101",
                          "197001-01",
                          "19700101 000000",
                          "+001970-01-01T00:00:00Zz",
                          "+1970-01-01",
                          "+00197001-01",
                          "a970-01-01",
                          "1970-01-01t00:00:00",
                          "1970-01-01T00:00:0:",
                          "1970-01-01T00:00:/0"}) {
    EXPECT_EQ(iso(bad), kNone) << bad;
  }
}

TEST(Iso, ReadsBackWhatFormatIsoWrites) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 200'000; ++i) {
    const auto us = static_cast<int64_t>(random()) >> (random() % 60);
    ASSERT_EQ(iso(format_iso(EventTime{us})), us);
  }
}

TEST(TimeUnits, Words) {
  for (const TimeUnit unit :
       {TimeUnit::automatic, TimeUnit::s, TimeUnit::ms, TimeUnit::us, TimeUnit::ns, TimeUnit::iso}) {
    EXPECT_EQ(parse_time_unit(name(unit)), unit);
  }
  EXPECT_EQ(name(TimeUnit::automatic), "auto");
  EXPECT_FALSE(parse_time_unit("minutes"));
  EXPECT_FALSE(parse_time_unit(""));
}

}  // namespace
}  // namespace streamutils
