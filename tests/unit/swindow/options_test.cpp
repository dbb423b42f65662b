// SPDX-License-Identifier: Apache-2.0
#include "tools/swindow/options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/cli/cli.hpp"

namespace streamutils::swindow {
namespace {

/// The settings that the arguments ask for.
Result<window::WindowSettings> read(const std::vector<const char*>& arguments) {
  cli::Cli cli({.name = "swindow", .summary = "", .usage = "", .description = "", .examples = {}});
  Options options;
  declare(cli, options);
  std::vector<const char*> argv{"swindow", "--agg", "n=count()"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  auto outcome = cli.parse(static_cast<int>(argv.size()), argv.data());
  if (!outcome.status.ok()) return std::move(outcome.status);
  return settings(options);
}

/// "size slide offset"
std::string shape(const window::WindowSettings& s) {
  return format_duration(s.size) + ' ' + format_duration(s.slide) + ' ' + format_duration(s.offset);
}

std::string error(const std::vector<const char*>& arguments) {
  const auto result = read(arguments);
  if (result.ok()) return "";
  EXPECT_EQ(result.status().code(), Code::usage);
  return std::string(result.status().message());
}

TEST(SwindowOptions, Windows) {
  auto s = read({"--tumbling", "10s", "--offset", "-8s"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(shape(*s), "10s 10s -8s");
  s = read({"--sliding", "10s", "--every", "3s"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(shape(*s), "10s 3s 0s");
  s = read({"--cumulate", "1h", "--every", "10m", "--offset", "-15m"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(shape(*s), "1h 10m -15m");
  EXPECT_EQ(s->kind, window::WindowKind::cumulate);
  s = read({"--session", "30m"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(shape(*s), "30m 30m 0s");
}

TEST(SwindowOptions, WindowsThatTheWatermarkDoesNotFire) {
  auto s = read({"--count", "100"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(s->kind, window::WindowKind::count);
  EXPECT_EQ(s->count, 100);
  s = read({"--global", "--early", "10s"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(s->kind, window::WindowKind::global);
  EXPECT_NE(error({"--count", "0"}).find("--count must be at least 1"), std::string::npos);
  EXPECT_NE(error({"--count", "-1"}).find("--count must be at least 1"), std::string::npos);
  EXPECT_NE(error({"--count", "2", "--global"}).find("give one of"), std::string::npos);
  EXPECT_NE(error({"--global", "--every", "1s"}).find("--every"), std::string::npos);
  EXPECT_NE(error({"--count", "2", "--tz", "UTC"}).find("--tz"), std::string::npos);
}

TEST(SwindowOptions, WhichResults) {
  auto s =
      read({"--tumbling", "1m", "--having", "n > 1", "--top", "3", "--by", "n", "--fill", "null", "--fill-for", "1h"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(s->having, "n > 1");
  EXPECT_EQ(s->top, 3);
  EXPECT_EQ(s->top_by, "n");
  EXPECT_EQ(s->fill, "null");
  EXPECT_EQ(s->fill_for->us, 3'600'000'000);
  EXPECT_NE(error({"--tumbling", "1m", "--top", "0", "--by", "n"}).find("--top must be at least 1"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1m", "--by", "n"}).find("--by goes with --top only"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1m", "--top", "2"}).find("--top needs --by"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1m", "--fill-for", "1h"}).find("--fill-for goes with --fill"), std::string::npos);
  EXPECT_NE(error({"--sliding", "1m", "--every", "10s", "--fill", "0"}).find("--fill goes with --tumbling"),
            std::string::npos);
}

TEST(SwindowOptions, CalendarWindows) {
  const auto calendar = [](const std::vector<const char*>& arguments) {
    const auto s = read(arguments);
    EXPECT_TRUE(s.ok()) << s.status().message();
    return s.ok() && s->calendar ? s->calendar->text() + ' ' + s->calendar->zone : "none";
  };
  EXPECT_EQ(calendar({"--tumbling", "1day"}), "1day UTC");
  EXPECT_EQ(calendar({"--tumbling", "1week", "--tz", "Europe/Berlin"}), "1week Europe/Berlin");
  EXPECT_EQ(calendar({"--tumbling", "1year"}), "12months UTC");
  EXPECT_EQ(calendar({"--tumbling", "1h", "--tz", "Asia/Tokyo"}), "1hour Asia/Tokyo");
  EXPECT_EQ(calendar({"--tumbling", "24h", "--tz", "Asia/Tokyo"}), "1day Asia/Tokyo");
  EXPECT_EQ(calendar({"--tumbling", "1d"}), "none") << "without --tz a duration is one";
  EXPECT_NE(error({"--tumbling", "10s", "--tz", "UTC"}).find("--tz goes with --tumbling windows of 1h to 24h"),
            std::string::npos);
  EXPECT_NE(error({"--tumbling", "36h", "--tz", "UTC"}).find("1h to 24h"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "5h", "--tz", "UTC"}).find("does not divide a day"), std::string::npos);
  EXPECT_NE(error({"--sliding", "365d", "--every", "1us"}).find("1000000 are allowed"), std::string::npos);
  EXPECT_NE(error({"--session", "30m", "--tz", "UTC"}).find("--tz goes with --tumbling only"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1day", "--offset", "1h"}).find("--offset"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1day", "--tz", "Mars/Olympus"}).find("no time zone 'Mars/Olympus'"),
            std::string::npos);
}

TEST(SwindowOptions, FieldsOfTheKeyAreSeparatedByCommas) {
  const auto s = read({"--tumbling", "10s", "--key", "a, b.c"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(s->keys, (std::vector<std::string>{"a", "b.c"}));
}

TEST(SwindowOptions, Firing) {
  const auto s = read({"--tumbling", "10s", "--allowed-lateness", "1m", "--late-fire", "5s", "--early", "1s", "--scope",
                       "unit", "--time-format", "ms"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(s->allowed_lateness.us, 60'000'000);
  EXPECT_EQ(s->late_fire->us, 5'000'000);
  EXPECT_EQ(s->early->us, 1'000'000);
  EXPECT_EQ(s->scope, window::Scope::unit);
  EXPECT_EQ(s->time_format, TimeFormat::ms);
}

TEST(SwindowOptions, ContradictionsNameTheOptions) {
  EXPECT_NE(error({}).find("--tumbling"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1s", "--session", "1s"}).find("--session"), std::string::npos);
  EXPECT_NE(error({"--sliding", "1s"}).find("--every"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1s", "--every", "1s"}).find("--every"), std::string::npos);
  EXPECT_NE(error({"--cumulate", "1m"}).find("--cumulate needs --every"), std::string::npos);
  EXPECT_NE(error({"--cumulate", "1m", "--every", "7s"}).find("not a multiple of --every 7s"), std::string::npos);
  EXPECT_NE(error({"--cumulate", "10s", "--every", "1m"}).find("not a multiple"), std::string::npos);
  EXPECT_NE(error({"--cumulate", "1m", "--every", "0s"}).find("--every"), std::string::npos);
  EXPECT_NE(error({"--cumulate", "0s", "--every", "1s"}).find("--cumulate"), std::string::npos);
  EXPECT_NE(error({"--cumulate", "1m", "--every", "1s", "--offset", "1m"}).find("not smaller than --cumulate"),
            std::string::npos);
  EXPECT_NE(error({"--tumbling", "0s"}).find("--tumbling"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "10s", "--offset", "10s"}).find("--offset"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1500ms", "--time-format", "s"}).find("--time-format"), std::string::npos);
}

}  // namespace
}  // namespace streamutils::swindow
