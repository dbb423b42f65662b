// SPDX-License-Identifier: Apache-2.0
// The parser: what users type, what the program gets, what they are told.
#include "lib/cli/cli.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

namespace streamutils::cli {
namespace {

/// A program with one option of every kind.
struct Sample {
  Cli cli;
  bool plain = false;
  int verbose = 0;
  std::string brokers;
  std::optional<std::string> offset;
  std::vector<std::string> aggregates;
  Duration shift;
  std::optional<Duration> tumbling;
  std::optional<int64_t> count;
  size_t scope = 99;
  std::vector<std::string> order;
  std::vector<std::string> topics;

  explicit Sample(size_t min_count = 0, size_t max_count = 0)
      : cli({.name = "sample",
             .summary = "try every kind of option",
             .usage = "[OPTION]... TOPIC...",
             .description = "Tries every kind of option.",
             .examples = {{"one", "sample --tumbling 1m"}, {"two", "sample -c5"}}}) {
    cli.group("Windows");
    cli.duration("--tumbling", tumbling, "windows of this size");
    cli.duration("--offset", shift, "shift of the window bounds");
    cli.texts("--agg", "EXPR", aggregates, "an aggregate, 'name=expression'; may be repeated");
    cli.choice(
        "--scope", {"stream", "unit"}, [this](size_t index) { scope = index; }, "what a window covers");
    cli.group("Input");
    cli.text("-b,--brokers", "HOST:PORT", brokers, "where the brokers are");
    cli.text("-o", "OFFSET", offset, "where to begin");
    cli.integer("-c,--count", "N", count, "stop after N records");
    auto collect = [this](std::string_view value) -> Status {
      if (value == "bad") return usage_error("'{}' has no '='; write LABEL=FILE", value);
      order.emplace_back(value);
      return {};
    };
    cli.custom("--to", "LABEL=FILE", collect, "side records to a file");
    cli.custom("--exec", "LABEL=COMMAND", collect, "side records to a command");
    cli.flag("--plain", plain, "records only");
    cli.flag("-v,--verbose", verbose, "say more");
    cli.positionals("TOPIC", topics, "topics to read", min_count, max_count);
  }

  Cli::Outcome parse(std::vector<const char*> args) {
    args.insert(args.begin(), "sample");
    return cli.parse(static_cast<int>(args.size()), args.data());
  }
  std::string error(std::vector<const char*> args) {
    const Cli::Outcome outcome = parse(std::move(args));
    EXPECT_TRUE(outcome.exit);
    EXPECT_EQ(outcome.status.code(), Code::usage);
    return std::string(outcome.status.message());
  }
};

void expect_goes_on(const Cli::Outcome& outcome) {
  EXPECT_FALSE(outcome.exit);
  EXPECT_EQ(outcome.status.message(), "");
}

using Strings = std::vector<std::string>;

TEST(Cli, ValuesThatBeginWithADash) {
  Sample sample;
  expect_goes_on(sample.parse({"-o", "-10", "--offset", "-8h", "--agg", "--agg", "--agg", "--", "clicks"}));
  EXPECT_EQ(sample.offset, "-10");
  EXPECT_EQ(sample.shift, Duration{-8 * int64_t{3'600'000'000}});
  EXPECT_EQ(sample.aggregates, (Strings{"--agg", "--"}));
  EXPECT_EQ(sample.topics, Strings{"clicks"});
}

TEST(Cli, AttachedValues) {
  Sample sample;
  expect_goes_on(sample.parse({"-c5", "-o-10", "-blocalhost:9092,other:9092", "--tumbling=1m", "--agg=n=count()"}));
  EXPECT_EQ(sample.count, 5);
  EXPECT_EQ(sample.offset, "-10");
  EXPECT_EQ(sample.brokers, "localhost:9092,other:9092");
  EXPECT_EQ(sample.tumbling, Duration{60'000'000});
  EXPECT_EQ(sample.aggregates, Strings{"n=count()"});
}

TEST(Cli, ShortFlagsCluster) {
  Sample sample;
  expect_goes_on(sample.parse({"-vvc", "7", "-vc8"}));
  EXPECT_EQ(sample.verbose, 3);
  EXPECT_EQ(sample.count, 8);
}

TEST(Cli, RepeatedSingleValueTakesTheLast) {
  Sample sample;
  expect_goes_on(sample.parse({"-b", "a", "--brokers", "b", "--tumbling", "1m", "--tumbling", "2m"}));
  EXPECT_EQ(sample.brokers, "b");
  EXPECT_EQ(sample.tumbling, Duration{120'000'000});
}

// CLI11 lets a vector option swallow positionals and splits "[a,b]" at its commas.
TEST(Cli, ValuesAreTakenAsTheyAre) {
  Sample sample;
  expect_goes_on(sample.parse({"--agg", "[a,b]", "one", "--agg", "a,b", "[two,three]", "--agg", "", "{}", "%%"}));
  EXPECT_EQ(sample.aggregates, (Strings{"[a,b]", "a,b", ""}));
  EXPECT_EQ(sample.topics, (Strings{"one", "[two,three]", "{}", "%%"}));
}

// CLI11 lets "--brokers=" take the next argument for its value.
TEST(Cli, EmptyAttachedValue) {
  Sample sample;
  expect_goes_on(sample.parse({"--brokers=", "clicks"}));
  EXPECT_EQ(sample.brokers, "");
  EXPECT_TRUE(sample.cli.given("-b"));
  EXPECT_EQ(sample.topics, Strings{"clicks"});
}

TEST(Cli, DoubleDashEndsOptions) {
  Sample sample;
  expect_goes_on(sample.parse({"--plain", "--", "--plain", "-c", "-", "--"}));
  EXPECT_EQ(sample.topics, (Strings{"--plain", "-c", "-", "--"}));
}

TEST(Cli, CustomKeepsTheOrderAcrossOptions) {
  Sample sample;
  expect_goes_on(sample.parse({"--to", "a=1", "--exec", "b=2", "--to", "c=3", "--exec=d=4"}));
  EXPECT_EQ(sample.order, (Strings{"a=1", "b=2", "c=3", "d=4"}));
}

TEST(Cli, UnknownOptions) {
  Sample sample;
  EXPECT_EQ(sample.error({"--tumblin", "1m"}),
            "unknown option '--tumblin' (did you mean '--tumbling'?); try 'sample --help'");
  EXPECT_EQ(sample.error({"--tumblign=1m"}),
            "unknown option '--tumblign' (did you mean '--tumbling'?); try 'sample --help'");
  EXPECT_EQ(sample.error({"--brok", "x"}), "unknown option '--brok' (did you mean '--brokers'?); try 'sample --help'");
  EXPECT_EQ(sample.error({"--xylophone"}), "unknown option '--xylophone'; try 'sample --help'");
  EXPECT_EQ(sample.error({"-tumbling", "1m"}), "unknown option '-t' (did you mean '--tumbling'?); try 'sample --help'");
  EXPECT_EQ(sample.error({"-v5"}), "unknown option '-v5'; try 'sample --help'");
  EXPECT_EQ(sample.error({"-5"}), "unknown option '-5'; try 'sample --help'");
  EXPECT_EQ(sample.error({"-v-"}), "unknown option '-v-'; try 'sample --help'");
  EXPECT_EQ(sample.error({"---"}), "unknown option '---'; try 'sample --help'");
  EXPECT_EQ(sample.error({"--="}), "unknown option '--'; try 'sample --help'");
}

TEST(Cli, UsageErrors) {
  Sample sample;
  EXPECT_EQ(sample.error({"--tumbling"}), "option '--tumbling' needs a value; try 'sample --help'");
  EXPECT_EQ(sample.error({"-c"}), "option '-c' needs a value; try 'sample --help'");
  EXPECT_EQ(sample.error({"--plain=yes"}), "option '--plain' takes no value; try 'sample --help'");
  EXPECT_EQ(sample.error({"--help=yes"}), "option '--help' takes no value; try 'sample --help'");
  EXPECT_EQ(sample.error({"-c", "5x"}), "--count: '5x' is not an integer");
  EXPECT_EQ(sample.error({"-c", ""}), "--count: '' is not an integer");
  EXPECT_EQ(sample.error({"-c", "9223372036854775808"}), "--count: '9223372036854775808' is out of range (64 bits)");
  EXPECT_EQ(sample.error({"--scope", "units"}), "--scope: 'units' is not one of stream, unit (did you mean 'unit'?)");
  EXPECT_EQ(sample.error({"--to", "bad"}), "--to: 'bad' has no '='; write LABEL=FILE");
  EXPECT_TRUE(sample.error({"--tumbling", "soon"}).starts_with("--tumbling: "));
}

TEST(Cli, CountsPositionals) {
  EXPECT_EQ(Sample(1).error({}), "missing TOPIC; try 'sample --help'");
  EXPECT_EQ(Sample(0, 1).error({"a", "b"}), "unexpected argument 'b'; try 'sample --help'");
  Cli none({.name = "none"});
  const char* argv[] = {"none", "x"};
  EXPECT_EQ(none.parse(2, argv).status.message(), "unexpected argument 'x'; try 'none --help'");
}

TEST(Cli, RequiredOptions) {
  Sample sample;
  sample.cli.require("-b");
  EXPECT_EQ(sample.error({"clicks"}), "option '--brokers' is required; try 'sample --help'");
  expect_goes_on(sample.parse({"-b", "x"}));
}

TEST(Cli, GivenValuesAreCanonical) {
  Sample one, two;
  expect_goes_on(
      one.parse({"clicks", "-vv", "--tumbling=60s", "-c", "05", "--agg", "b", "--agg", "a", "-b", "x", "-by"}));
  expect_goes_on(
      two.parse({"--brokers", "y", "--agg", "b", "-c5", "--tumbling", "1m", "--agg=a", "-v", "-v", "clicks"}));
  EXPECT_EQ(one.cli.given_values(), two.cli.given_values());
  EXPECT_EQ(one.cli.given_values().front(), (std::pair<std::string, std::string>{"--agg", "b"}));
  EXPECT_EQ(one.cli.given_values().back(), (std::pair<std::string, std::string>{"TOPIC", "clicks"}));
  EXPECT_TRUE(one.cli.given("--count"));
  EXPECT_TRUE(one.cli.given("-c"));
  EXPECT_FALSE(one.cli.given("--scope"));
  EXPECT_FALSE(one.cli.given("--nothing"));
}

TEST(Cli, BadDeclarationsAreBugs) {
  Sample sample;
  bool target = false;
  EXPECT_THROW(sample.cli.flag("--plain", target, ""), std::logic_error);
  EXPECT_THROW(sample.cli.flag("plain", target, ""), std::logic_error);
  EXPECT_THROW(sample.cli.flag("-ab", target, ""), std::logic_error);
  EXPECT_THROW(sample.cli.require("--nothing"), std::logic_error);
}

/// What `parse` prints to fd 1 when that is a temporary file.
std::string printed(Sample& sample, std::vector<const char*> args) {
  std::FILE* file = std::tmpfile();
  const int saved = dup(STDOUT_FILENO);
  dup2(fileno(file), STDOUT_FILENO);
  const Cli::Outcome outcome = sample.parse(std::move(args));
  dup2(saved, STDOUT_FILENO);
  close(saved);
  EXPECT_TRUE(outcome.exit);
  EXPECT_EQ(outcome.status.message(), "");
  std::string text(1 << 16, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(Cli, HelpAndVersion) {
  Sample sample(1);
  sample.cli.require("--brokers");
  EXPECT_EQ(printed(sample, {"--version"}), "sample (streamutils) 0.1.0\n");
  const std::string help = printed(sample, {"--help"});  // although a required option and TOPIC are missing
  EXPECT_TRUE(help.starts_with("Usage: sample [OPTION]... TOPIC...\n"));
  EXPECT_TRUE(help.ends_with("  two:\n    sample -c5\n"));
  EXPECT_EQ(printed(sample, {"-h"}), help);
  EXPECT_EQ(printed(sample, {"-vh", "--unknown"}), help);
  EXPECT_TRUE(sample.error({"--generate", "html"}).starts_with("--generate: 'html' is not one of "));
}

TEST(Cli, HelpToAFullDiskFails) {
  Sample sample;
  const int full = open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  const int saved = dup(STDOUT_FILENO);
  dup2(full, STDOUT_FILENO);
  const Cli::Outcome outcome = sample.parse({"--help"});
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(full);
  EXPECT_TRUE(outcome.exit);
  EXPECT_EQ(outcome.status.code(), Code::failed);
  EXPECT_EQ(outcome.status.message(), "cannot write to 'standard output': No space left on device");
}

}  // namespace
}  // namespace streamutils::cli
