// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "tools/srun/backoff.hpp"
#include "tools/srun/exit_code.hpp"
#include "tools/srun/pipeline.hpp"
#include "tools/srun/stage_options.hpp"
#include "tools/srun/stage_stderr.hpp"

namespace streamutils::srun {
namespace {

using Words = std::vector<std::string>;

std::string file_error(std::string_view text) {
  const auto pipeline = parse_pipeline_file(text, "p.conf");
  EXPECT_FALSE(pipeline.ok()) << text;
  EXPECT_EQ(pipeline.status().code(), Code::usage);
  return std::string(pipeline.status().message());
}

TEST(PipelineFile, ReadsEverything) {
  const auto p = parse_pipeline_file(
      "# a comment\n"
      "\n"
      "name = clicks  # said in messages\n"
      "stage = jq -c 'select(.x != \"#a\")' x#y # why\r\n"
      "stage = swatermark \\\n"
      "   --time 't = 1' \\\n"
      "   --bounded 10s\n"
      "  stage=cat | tail -n 1\n"
      "restart = on-failure\n"
      "checkpoint = /var/lib/clicks  # a folder\n"
      "binary = false\n"
      "stage_timeout = 1m30s\n"
      "env = A=b 'C=d e'\n"
      "env = A=c",
      "p.conf");
  ASSERT_TRUE(p.ok()) << p.status().message();
  EXPECT_EQ(p->name, "clicks");
  ASSERT_EQ(p->stages.size(), 4U);
  EXPECT_EQ(p->stages[0].words, (Words{"jq", "-c", "select(.x != \"#a\")", "x#y"}));
  EXPECT_EQ(p->stages[1].words, (Words{"swatermark", "--time", "t = 1", "--bounded", "10s"}));
  EXPECT_EQ(p->stages[2].words, (Words{"cat"}));
  EXPECT_EQ(p->stages[3].words, (Words{"tail", "-n", "1"}));
  EXPECT_EQ(p->stages[1].place, "'p.conf': line 5");
  EXPECT_EQ(p->stages[3].place, "'p.conf': line 8");
  EXPECT_EQ(p->restart_on_failure, true);
  EXPECT_EQ(p->checkpoint, "/var/lib/clicks");
  EXPECT_FALSE(p->binary);
  EXPECT_EQ(p->stage_timeout.us, 90'000'000);
  const std::vector<std::pair<std::string, std::string>> environment = {{"A", "b"}, {"C", "d e"}, {"A", "c"}};
  EXPECT_EQ(p->environment, environment);
}

TEST(PipelineFile, Defaults) {
  const auto p = parse_pipeline_file("stage = a\nstage = b\n", "p.conf");
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p->name, "p.conf");
  EXPECT_FALSE(p->restarts());
  EXPECT_TRUE(p->binary);
}

TEST(PipelineFile, NamesLineAndColumn) {
  EXPECT_EQ(file_error(""), "'p.conf': there is no stage; write 'stage = COMMAND' for each, in order");
  EXPECT_EQ(file_error("\nstages = a"),
            "'p.conf': line 2: unknown key 'stages' (did you mean 'stage'?); keys are name, stage, restart, "
            "checkpoint, binary, fuse, threads, stage_timeout, env");
  EXPECT_EQ(file_error("# x\nstage = a 'b"), "'p.conf': line 2, column 11: the quote ' is not closed");
  EXPECT_EQ(file_error("stage = a \\\n  $x"),
            "'p.conf': line 2, column 3: unquoted '$': nothing is expanded or redirected "
            "here; quote it, or let a shell do it: sh -c '...'");
  EXPECT_EQ(file_error("stage ="), "'p.conf': line 1, column 8: a command is missing");
  EXPECT_EQ(file_error("stage = a\nhello"), "'p.conf': line 2: 'hello' is not of the form KEY = VALUE");
  EXPECT_EQ(file_error("[x]\nstage = a"),
            "'p.conf': line 1: '[x]' is not of the form KEY = VALUE; there are no sections");
  EXPECT_EQ(file_error("stage = a\nbinary = yes"), "'p.conf': line 2: binary is 'yes'; it takes 'true' or 'false'");
  EXPECT_EQ(file_error("stage = a\nrestart = always"),
            "'p.conf': line 2: restart is 'always'; it takes 'never' or 'on-failure'");
  EXPECT_EQ(file_error("name = a\nname = b\nstage = c"), "'p.conf': line 2: 'name' is given twice");
  EXPECT_EQ(file_error("stage = a\nenv = B"), "'p.conf': line 2: 'B' is not of the form NAME=VALUE");
  EXPECT_EQ(file_error("stage = a\nstage_timeout = 0s"), "'p.conf': line 2: stage_timeout must be positive");
  EXPECT_TRUE(file_error("stage = a\nstage_timeout = 5").starts_with("'p.conf': line 2: stage_timeout: "));
  EXPECT_EQ(file_error(std::string_view("stage = a\x01")), "'p.conf': line 1: there is a control character in it");
  EXPECT_EQ(file_error(std::string_view("stage = a\0b", 11)), "'p.conf': line 1: there is a control character in it");
}

std::vector<std::string> order_errors(std::string_view text) {
  const auto pipeline = parse_pipeline_text(text);
  EXPECT_TRUE(pipeline.ok());
  std::vector<std::string> out;
  for (const Status& status : check_order(*pipeline)) out.emplace_back(status.message());
  return out;
}

TEST(Order, Rules) {
  EXPECT_TRUE(order_errors("skafka-cat x | swatermark | swindow | sdivert | swindow | ssink-redis").empty());
  EXPECT_TRUE(order_errors("swatermark | jq . | swindow").empty());
  EXPECT_EQ(order_errors("cat | /bin/swindow"),
            (Words{"stage 2: swindow needs event times: put swatermark before it"}));
  EXPECT_EQ(order_errors("cat | sreplay x"), (Words{"stage 2: sreplay reads no stream: it must be the first stage"}));
  EXPECT_EQ(order_errors("ssink-kafka | cat").size(), 1U);
}

TEST(Format, BinaryBetweenOurProgramsOnly) {
  auto p = parse_pipeline_text("skafka-cat x | swatermark | jq . | swindow | srun x | sfilter");
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(format_of(*p, 0), "binary");
  EXPECT_EQ(format_of(*p, 1), "text");
  EXPECT_EQ(format_of(*p, 2), "text");
  EXPECT_EQ(format_of(*p, 3), "text");
  EXPECT_EQ(format_of(*p, 5), std::nullopt);
  p->binary = false;
  EXPECT_EQ(format_of(*p, 0), "text");
}

StageEnd exited(int code, int round = 0) { return {{code, 0}, false, round}; }
StageEnd killed(int signal, bool by_us = false) { return {{0, signal}, by_us}; }

TEST(ExitCode, TwoThenThreeThenPipefail) {
  EXPECT_EQ(exit_code({exited(0), exited(0)}), 0);
  EXPECT_EQ(exit_code({exited(1), exited(4), exited(0)}), 4);
  EXPECT_EQ(exit_code({exited(3), exited(2), exited(1)}), 2);
  EXPECT_EQ(exit_code({exited(3), exited(1)}), 3);
  EXPECT_EQ(exit_code({killed(SIGPIPE), exited(0)}), 141);
  EXPECT_EQ(exit_code({exited(1), killed(SIGSEGV), killed(SIGTERM, true)}), 139);
  EXPECT_EQ(exit_code({killed(SIGTERM, true), exited(0)}), 0);
}

TEST(ExitCode, RestartsWhatMayHelp) {
  EXPECT_TRUE(may_restart({exited(1), exited(0)}));
  EXPECT_TRUE(may_restart({exited(141), exited(1)}));
  EXPECT_TRUE(may_restart({killed(SIGKILL), exited(0)}));
  EXPECT_FALSE(may_restart({exited(0)}));
  EXPECT_FALSE(may_restart({exited(0), exited(2)}));
  EXPECT_FALSE(may_restart({exited(2), exited(1)}));
  EXPECT_FALSE(may_restart({exited(3), exited(1)}));
  EXPECT_FALSE(may_restart({exited(0), exited(141)}));
}

TEST(ExitCode, AVictimDoesNotDecide) {
  const std::vector<StageEnd> victim = {exited(0, 3), killed(SIGKILL), exited(2, 1)};
  EXPECT_EQ(exit_code(victim), 137);
  EXPECT_TRUE(may_restart(victim));
  EXPECT_EQ(exit_code({exited(1, 1), exited(0, 2), exited(3, 2)}), 1);
  // Killed before it had written anything: the last one takes that for an input of another kind, and the others lose
  // their reader. In whatever order the ends are seen, a new start helps.
  StageEnd source = killed(SIGKILL);
  for (source.round = 0; source.round < 4; ++source.round) {
    const std::vector<StageEnd> nothing = {source, exited(141, 3), exited(141, 2), exited(2, 1)};
    EXPECT_EQ(exit_code(nothing), 137);
    EXPECT_TRUE(may_restart(nothing));
  }
  // A source that fails since its reader has gone is the victim itself.
  const std::vector<StageEnd> cause = {exited(1, 2), exited(2, 1)};
  EXPECT_EQ(exit_code(cause), 2);
  EXPECT_FALSE(may_restart(cause));
  EXPECT_EQ(exit_code({exited(141), exited(2, 1)}), 2);
  EXPECT_EQ(exit_code({exited(3), exited(2, 1)}), 2);
}

TEST(ExitCode, TheFirstFailureIsTheCause) {
  EXPECT_EQ(first_failure({exited(0), exited(141, 1), killed(SIGKILL, true)}), std::nullopt);
  EXPECT_EQ(first_failure({exited(1, 2), exited(141, 1), exited(1, 1), exited(1, 1)}), 2U);
  StageEnd late = killed(SIGKILL);
  late.round = 3;
  EXPECT_EQ(first_failure({late, exited(1, 2), exited(1, 2)}), 0U);
}

std::vector<int64_t> delays_ms(Backoff backoff) {
  std::vector<int64_t> delays;
  for (int i = 0; i < 8; ++i) delays.push_back(backoff.next(Duration{1'000'000}, false).us / 1000);
  return delays;
}

TEST(Backoff, Doubles) {
  EXPECT_EQ(delays_ms(Backoff(false)), (std::vector<int64_t>{500, 1000, 2000, 4000, 8000, 16000, 30000, 30000}));
  EXPECT_EQ(delays_ms(Backoff(true)), (std::vector<int64_t>{0, 500, 1000, 2000, 4000, 8000, 10000, 10000}));
}

TEST(Backoff, BeginsAgainAfterAGoodRun) {
  for (const bool checkpoint : {false, true}) {
    Backoff backoff(checkpoint);
    const int64_t first = backoff.next(Duration{0}, false).us;
    EXPECT_GT(backoff.next(Duration{59'000'000}, false).us, first);
    EXPECT_EQ(backoff.next(Duration{60'000'000}, false).us, first);
    EXPECT_GT(backoff.next(Duration{0}, false).us, first);
    EXPECT_EQ(backoff.next(Duration{0}, true).us, first);
    EXPECT_GT(backoff.next(Duration{0}, false).us, first);
  }
}

Pipeline pipeline_of(std::string_view text) {
  auto pipeline = parse_pipeline_text(text);
  EXPECT_TRUE(pipeline.ok());
  return *std::move(pipeline);
}

/// What find_checkpoint() makes of a pipeline, and what its stages are told.
std::string checkpoint_of(Pipeline pipeline, std::optional<std::string> option = std::nullopt) {
  EXPECT_TRUE(find_checkpoint(pipeline, option).ok());
  std::string told;
  for (const auto& [name, value] : pipeline.environment) {
    if (name == "STREAM_CHECKPOINT") told = value;
  }
  EXPECT_EQ(pipeline.restarts(), pipeline.checkpoint.has_value());
  return pipeline.checkpoint.value_or("none") + " told " + told;
}

TEST(Checkpoint, TheNearestWordCounts) {
  unsetenv("STREAM_CHECKPOINT");
  Pipeline p = pipeline_of("skafka-cat x --checkpoint S | ssink-redis --checkpoint=T");
  EXPECT_EQ(checkpoint_of(pipeline_of("skafka-cat x | ssink-redis")), "none told ");
  EXPECT_EQ(checkpoint_of(pipeline_of("cat --checkpoint S | ssink-redis")), "none told ");
  EXPECT_EQ(checkpoint_of(p), "S told ");
  setenv("STREAM_CHECKPOINT", "V", 1);
  EXPECT_EQ(checkpoint_of(p), "V told ");
  p.environment = {{"STREAM_CHECKPOINT", "E"}};
  EXPECT_EQ(checkpoint_of(p), "E told E");
  p.checkpoint = "K";
  EXPECT_EQ(checkpoint_of(p), "K told K");
  EXPECT_EQ(checkpoint_of(p, "O"), "O told O");
  EXPECT_FALSE(find_checkpoint(p, "").ok());
  p.restart_on_failure = false;
  EXPECT_FALSE(p.restarts());
  unsetenv("STREAM_CHECKPOINT");
}

TEST(Checkpoint, OptionsOfTheFirstStart) {
  Pipeline p = pipeline_of("skafka-cat x | ssink-redis");
  const auto said = [&p](const StageOptions& options) {
    const auto words = first_start_words(options, p);
    if (!words.ok()) return std::string(words.status().message());
    std::string out;
    for (const std::string& word : *words) out += word + ' ';
    return out;
  };
  EXPECT_EQ(said({}), "");
  EXPECT_TRUE(said({.fresh = true}).starts_with("--fresh: there is no checkpoint"));
  p.checkpoint = "S";
  EXPECT_EQ(said({.fresh = true}), "--fresh ");
  EXPECT_EQ(said({.from_epoch = 7}), "--from-epoch 7 ");
  EXPECT_EQ(said({.from_epoch = -7}), "--from-epoch: an epoch is not below 0");
  EXPECT_EQ(said({.fresh = true, .from_epoch = 7}), "--fresh and --from-epoch exclude each other");
  p.stages.back().words = {"cat"};
  EXPECT_EQ(said({.from_epoch = 7}),
            "--from-epoch: the last stage 'cat' is not one of our sinks, which decide where a pipeline begins");
}

TEST(StageStderr, PrefixesLines) {
  StageStderr text(2, "swindow");
  std::string out;
  text.take("swindow: a\nb", out);
  EXPECT_EQ(out, "[2 swindow] a\n");
  text.take("c\n\nsw", out);
  EXPECT_EQ(out, "[2 swindow] a\n[2 swindow] bc\n[2 swindow] \n");
  text.finish(out);
  text.finish(out);
  EXPECT_EQ(out, "[2 swindow] a\n[2 swindow] bc\n[2 swindow] \n[2 swindow] sw\n");
  out.clear();
  text.take(std::string(70'000, 'x'), out);
  EXPECT_EQ(out.size(), 70'000 + std::string("[2 swindow] \n").size());
}

}  // namespace
}  // namespace streamutils::srun
