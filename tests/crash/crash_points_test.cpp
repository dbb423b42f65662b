// SPDX-License-Identifier: Apache-2.0
// Every named point of the checkpoint protocol: the pipeline is stopped there, goes on, and what its sinks hold in the
// end is what one undisturbed run gives. docs/exactly-once.md has a row for every point.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "tests/crash/results.hpp"

namespace streamutils::crash {
namespace {

TEST(CrashPoints, AnUndisturbedRunFiresAndDiverts) {
  ASSERT_TRUE(undisturbed().outcome.ok()) << undisturbed().outcome.text();
  const Final& result = undisturbed().result;
  ASSERT_EQ(result.main.size(), 2u);
  ASSERT_EQ(result.side.size(), 2u) << "no late records: the test would not see their loss";
  EXPECT_GT(result.main.begin()->second.size(), 20u);
  EXPECT_GE(undisturbed().reached.at("barrier sink before"), 5);
}

TEST(CrashPoints, AnyOrderOfTheProcessesGivesTheSame) {
  for (uint64_t seed = 2; seed < 40; ++seed) {
    World world;
    const auto outcome = world.start(seed);
    ASSERT_TRUE(outcome.ok()) << outcome.text();
    expect_same(world, fmt::format("seed {}", seed));
  }
}

TEST(CrashPoints, AFinishedPipelineStartedAgainDoesNothing) {
  World world;
  ASSERT_TRUE(world.start(1).ok());
  const uint64_t read = world.records_read;
  const auto again = world.start(2);
  EXPECT_TRUE(again.ok()) << again.text();
  EXPECT_EQ(world.records_read, read);
  expect_same(world, "started again");
}

std::string name(Harm harm) {
  switch (harm) {
    case Harm::kill_one:
      return "kill -9 of the stage";
    case Harm::kill_all:
      return "kill -9 of all";
    case Harm::power_loss:
      return "loss of power";
    case Harm::stop_one:
    case Harm::stop_all:
      return "stopped, with a twin";
  }
  return "";
}

/// Points are reached many times: the first, a middle one and the last are each a case of their own.
std::vector<Trap> all_traps(std::initializer_list<Harm> harms) {
  std::vector<Trap> traps;
  for (const auto& [point, times] : undisturbed().reached) {
    for (const int occurrence : std::set<int>{1, (times + 1) / 2, times}) {
      for (const Harm harm : harms) traps.push_back({point, occurrence, harm});
    }
  }
  return traps;
}

TEST(CrashPoints, KilledAtEveryPoint) {
  int runs = 0, missed = 0;
  std::set<std::string> points;
  for (const Trap& trap : all_traps({Harm::kill_one, Harm::kill_all, Harm::power_loss})) {
    const std::string what = fmt::format("{} at '{}' #{}", name(trap.harm), trap.point, trap.occurrence);
    World world;
    const auto outcome = world.start(1, trap);
    ASSERT_FALSE(outcome.hung) << what << ": " << outcome.text();
    ++runs;
    if (outcome.trapped) {
      points.insert(trap.point);
    } else {
      ++missed;
    }
    recover(world, 1000 + static_cast<uint64_t>(runs), what);
    if (::testing::Test::HasFailure()) return;
  }
  fmt::print("crash points: {} of {} exercised, {} runs with a kill, {} without\n", points.size(),
             undisturbed().reached.size(), runs - missed, missed);
  EXPECT_EQ(points.size(), undisturbed().reached.size());
  EXPECT_EQ(missed, 0);
}

/// A start that goes on from a checkpoint does other things first: it is killed at each of its points, too.
TEST(CrashPoints, KilledAtEveryPointOfARecovery) {
  const auto killed_once = [](World& world) {
    const std::string point = "chunk ssink-memory before";
    const Trap trap{point, undisturbed().reached.at(point) / 2, Harm::kill_all};
    EXPECT_TRUE(world.start(1, trap).trapped);
    world.reached.clear();
  };
  World second;
  killed_once(second);
  ASSERT_TRUE(second.start(2).ok());
  int runs = 0;
  for (const auto& [point, times] : second.reached) {
    for (const int occurrence : std::set<int>{1, times}) {
      for (const Harm harm : {Harm::kill_one, Harm::power_loss}) {
        const std::string what = fmt::format("recovery, {} at '{}' #{}", name(harm), point, occurrence);
        World world;
        killed_once(world);
        const auto outcome = world.start(2, Trap{point, occurrence, harm});
        ASSERT_FALSE(outcome.hung) << what << ": " << outcome.text();
        EXPECT_TRUE(outcome.trapped) << what;
        recover(world, 3000 + static_cast<uint64_t>(++runs), what);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
  fmt::print("{} points of a recovery, {} runs with a kill\n", second.reached.size(), runs);
}

TEST(CrashPoints, KilledAgainAndAgain) {
  std::mt19937_64 random(11);
  const auto traps = all_traps({Harm::kill_one, Harm::kill_all, Harm::power_loss});
  for (int round = 0; round < 300; ++round) {
    World world;
    std::string what = fmt::format("round {}", round);
    for (int kills = 0; kills < 4; ++kills) {
      Trap trap = traps[random() % traps.size()];
      what += fmt::format(", {} at '{}' #{}", name(trap.harm), trap.point, trap.occurrence);
      const auto outcome = world.start(random(), trap);
      ASSERT_FALSE(outcome.hung) << what << ": " << outcome.text();
    }
    recover(world, random(), what);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(CrashPoints, AStoppedStartIsFencedByItsTwin) {
  int runs = 0, fenced = 0;
  for (const Trap& trap : all_traps({Harm::stop_all})) {
    const std::string what = fmt::format("{} at '{}' #{}", name(trap.harm), trap.point, trap.occurrence);
    World world;
    const auto twin = world.start(1, trap);
    ++runs;
    if (!twin.trapped) continue;
    EXPECT_TRUE(twin.ok()) << what << ": twin: " << twin.text();
    EXPECT_FALSE(world.stopped.hung) << what << ": " << world.stopped.text();
    const auto& stopped = world.stopped.stages;
    fenced += std::any_of(stopped.begin(), stopped.end(), [](const auto& s) { return s.second.code() == Code::fenced; });
    expect_same(world, what);
    recover(world, 5000 + static_cast<uint64_t>(runs), what);
    if (::testing::Test::HasFailure()) return;
  }
  fmt::print("stopped at {} points, fenced at {}\n", runs, fenced);
  EXPECT_GT(fenced, runs / 2);
}

}  // namespace
}  // namespace streamutils::crash
