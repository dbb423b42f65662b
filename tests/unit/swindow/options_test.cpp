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
  s = read({"--session", "30m"});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(shape(*s), "30m 30m 0s");
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
  EXPECT_NE(error({"--tumbling", "0s"}).find("--tumbling"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "10s", "--offset", "10s"}).find("--offset"), std::string::npos);
  EXPECT_NE(error({"--tumbling", "1500ms", "--time-format", "s"}).find("--time-format"), std::string::npos);
}

}  // namespace
}  // namespace streamutils::swindow
