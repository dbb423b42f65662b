// SPDX-License-Identifier: Apache-2.0
#include "lib/window/calendar.hpp"

#include <gtest/gtest.h>

#include <random>

#include "lib/base/time.hpp"
#include "lib/json/event_time.hpp"

namespace streamutils::window {
namespace {

using Unit = CalendarSpan::Unit;

Calendar calendar(Unit unit, const std::string& zone, int count = 1) {
  auto made = Calendar::create({.unit = unit, .count = count, .zone = zone});
  EXPECT_TRUE(made.ok()) << made.status().message();
  return *std::move(made);
}

/// "start end", in UTC.
std::string window_of(const Calendar& calendar, int64_t seconds) {
  const auto window = calendar.window(seconds * 1'000'000);
  return window ? fmt::format("{} {}", format_iso(EventTime{window->start}), format_iso(EventTime{window->end}))
                : "none";
}

// Where a clock is set back across a bound of windows, too, whatever was asked before.
TEST(Calendar, AWindowHoldsTheTimesItIsGivenForWhereClocksAreSetBack) {
  struct Change {
    const char* zone;
    int64_t at;  // seconds
  };
  // By two hours; at a minute past midnight; by half an hour; by a day.
  for (const auto& [zone, at] : {Change{"Antarctica/Troll", 1761440400}, Change{"America/St_Johns", 1130639460},
                                 Change{"Australia/Lord_Howe", 1743865200}, Change{"America/Juneau", -3225223727}}) {
    for (const auto& [unit, count] : {std::pair(Unit::hour, 1), {Unit::hour, 2}, {Unit::day, 1}, {Unit::week, 1}}) {
      const Calendar c = calendar(unit, zone, count);
      std::optional<Interval> last;
      for (int64_t time = (at - 200'000) * 1'000'000; time < (at + 200'000) * 1'000'000; time += 59'000'000) {
        const auto window = calendar(unit, zone, count).window(time);
        ASSERT_TRUE(window->start <= time && time < window->end) << zone << ' ' << time;
        ASSERT_EQ(c.window(time), window) << zone << ' ' << time;
        if (last && last != window) ASSERT_EQ(last->end, window->start) << zone << ' ' << time;
        last = window;
      }
    }
  }
}

// Any two windows meet or are one, and a window is that of every time in it.
TEST(Calendar, WindowsCoverAllTimeOnce) {
  std::mt19937_64 random(9);
  for (const char* zone :
       {"UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
        "America/Havana", "Africa/Casablanca", "Antarctica/Troll", "Asia/Tehran"}) {
    for (const auto& [unit, count] : {std::pair(Unit::hour, 1),
                                      {Unit::hour, 6},
                                      {Unit::day, 1},
                                      {Unit::day, 3},
                                      {Unit::week, 1},
                                      {Unit::week, 2},
                                      {Unit::month, 1},
                                      {Unit::month, 3},
                                      {Unit::month, 12}}) {
      const Calendar c = calendar(unit, zone, count);
      for (int round = 0; round < 400; ++round) {
        // From 1900 to 2200.
        const auto time = static_cast<int64_t>(random() % 9'467'000'000) * 1'000'000 - 2'209'000'000'000'000;
        const auto window = c.window(time);
        ASSERT_TRUE(window) << zone;
        ASSERT_LE(window->start, time);
        ASSERT_LT(time, window->end);
        const Calendar fresh = calendar(unit, zone, count);
        ASSERT_EQ(fresh.window(window->start), window) << zone << ' ' << time;
        ASSERT_EQ(fresh.window(window->end - 1), window) << zone << ' ' << time;
        ASSERT_EQ(fresh.window(window->start - 1)->end, window->start) << zone << ' ' << time;
        ASSERT_EQ(fresh.window(window->end)->start, window->end) << zone << ' ' << time;
      }
    }
  }
}

TEST(Calendar, WhereClocksDoStrangeThings) {
  // Samoa went over the date line: there was no 30 December 2011.
  const Calendar samoa = calendar(Unit::day, "Pacific/Apia");
  EXPECT_EQ(window_of(samoa, 1325239200 - 1), "2011-12-29T10:00:00Z 2011-12-30T10:00:00Z");
  EXPECT_EQ(window_of(samoa, 1325239200), "2011-12-30T10:00:00Z 2011-12-31T10:00:00Z");
  // Lord Howe's clocks go back by half an hour, at two: the hour from one on has 90 minutes.
  EXPECT_EQ(window_of(calendar(Unit::hour, "Australia/Lord_Howe"), 1712415600),
            "2024-04-06T14:00:00Z 2024-04-06T15:30:00Z");
  // Havana's go back at one in the night: the day begins at the first midnight, and has 25 hours.
  EXPECT_EQ(window_of(calendar(Unit::day, "America/Havana"), 1730610000), "2024-11-03T04:00:00Z 2024-11-04T05:00:00Z");
  // Kathmandu is 5:45 ahead.
  EXPECT_EQ(window_of(calendar(Unit::hour, "Asia/Kathmandu"), 1700000000), "2023-11-14T21:15:00Z 2023-11-14T22:15:00Z");
}

TEST(Calendar, WeeksBeginOnMondayMonthsOnTheFirst) {
  EXPECT_EQ(window_of(calendar(Unit::week, "UTC"), 1700000000), "2023-11-13T00:00:00Z 2023-11-20T00:00:00Z");
  EXPECT_EQ(window_of(calendar(Unit::week, "UTC"), -1), "1969-12-29T00:00:00Z 1970-01-05T00:00:00Z");
  EXPECT_EQ(window_of(calendar(Unit::month, "Europe/Berlin"), 1709247600), "2024-02-29T23:00:00Z 2024-03-31T22:00:00Z");
  EXPECT_EQ(window_of(calendar(Unit::month, "UTC", 3), 1700000000), "2023-10-01T00:00:00Z 2024-01-01T00:00:00Z");
  EXPECT_EQ(window_of(calendar(Unit::month, "UTC", 12), -1), "1969-01-01T00:00:00Z 1970-01-01T00:00:00Z");
  EXPECT_EQ(window_of(calendar(Unit::day, "UTC", 7), 0), "1970-01-01T00:00:00Z 1970-01-08T00:00:00Z");
}

TEST(Calendar, TimesBeyondTheCalendarHaveNoWindow) {
  for (const Unit unit : {Unit::hour, Unit::day, Unit::week, Unit::month}) {
    const Calendar c = calendar(unit, "Europe/Berlin");
    EXPECT_FALSE(c.window(INT64_MAX));
    EXPECT_FALSE(c.window(INT64_MIN));
    EXPECT_TRUE(c.window(253'369'999'999'999'999));
    EXPECT_TRUE(c.window(-377'000'000'000'000'000));
  }
}

TEST(Calendar, WhatIsNone) {
  const auto message = [](const CalendarSpan& span) {
    const auto made = Calendar::create(span);
    EXPECT_EQ(made.status().exit_code(), 2);
    return std::string(made.status().message());
  };
  EXPECT_NE(message({.zone = "Europe/Atlantis"}).find("--tz: there is no time zone 'Europe/Atlantis'"),
            std::string::npos);
  EXPECT_NE(message({.zone = ""}).find("no time zone ''"), std::string::npos);
  EXPECT_NE(message({.zone = "../../etc/passwd"}).find("no time zone"), std::string::npos);
  EXPECT_NE(message({.unit = Unit::hour, .count = 5}).find("does not divide a day"), std::string::npos);
  EXPECT_NE(message({.count = 0}).find("from 1 to"), std::string::npos);
  EXPECT_NE(message({.count = 2'000'000'000}).find("from 1 to"), std::string::npos);
}

TEST(CalendarSpan, Text) {
  for (const char* text : {"1day", "2days", "1week", "3weeks", "1month", "6months", "12months", "1hour"}) {
    const auto span = CalendarSpan::parse(text);
    ASSERT_TRUE(span) << text;
    EXPECT_EQ(span->text(), text);
  }
  EXPECT_EQ(CalendarSpan::parse("1year")->text(), "12months");
  for (const char* text : {"", "day", "1d", "10s", "1days2", "-", "1 day", "99999999999day", "2000000000years"}) {
    EXPECT_FALSE(CalendarSpan::parse(text)) << text;
  }
}

}  // namespace
}  // namespace streamutils::window
