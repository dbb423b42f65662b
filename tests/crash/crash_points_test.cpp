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

/// Each test runs with every shape of the pipeline.
class CrashPoints : public ::testing::TestWithParam<Shape> {
 protected:
  static const Undisturbed& alone() { return undisturbed(GetParam()); }
  static std::vector<Trap> all_traps(std::initializer_list<Harm> harms);
};

std::string shape_name(const ::testing::TestParamInfo<Shape>& info) {
  switch (info.param) {
    case Shape::processes:
      return "processes";
    case Shape::fused:
      return "fused";
    case Shape::threads:
      return "threads";
  }
  return "";
}
INSTANTIATE_TEST_SUITE_P(All, CrashPoints, ::testing::Values(Shape::processes, Shape::fused, Shape::threads),
                         shape_name);

TEST_P(CrashPoints, AnUndisturbedRunFiresAndDiverts) {
  ASSERT_TRUE(alone().outcome.ok()) << alone().outcome.text();
  const Final& result = alone().result;
  ASSERT_EQ(result.main.size(), 2u);
  ASSERT_EQ(result.side.size(), 2u) << "no late records: the test would not see their loss";
  EXPECT_GT(result.main.begin()->second.size(), 20u);
  EXPECT_GE(alone().reached.at("barrier sink before"), 5);
  EXPECT_EQ(result, undisturbed().result);
  EXPECT_EQ(alone().outcome.stages.size(), GetParam() == Shape::processes ? 6u : 2u);
}

TEST_P(CrashPoints, PointsAreTheSameInAnyShape) {
  for (const auto& [point, times] : undisturbed().reached) EXPECT_TRUE(alone().reached.contains(point)) << point;
  EXPECT_EQ(alone().reached.size(), undisturbed().reached.size());
}

TEST_P(CrashPoints, AnyOrderOfTheProcessesGivesTheSame) {
  for (uint64_t seed = 2; seed < 40; ++seed) {
    World world(GetParam());
    const auto outcome = world.start(seed);
    ASSERT_TRUE(outcome.ok()) << outcome.text();
    expect_same(world, fmt::format("seed {}", seed));
  }
}

TEST_P(CrashPoints, AFinishedPipelineStartedAgainDoesNothing) {
  World world(GetParam());
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
      return "kill -9 of the process";
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
std::vector<Trap> CrashPoints::all_traps(std::initializer_list<Harm> harms) {
  std::vector<Trap> traps;
  for (const auto& [point, times] : alone().reached) {
    for (const int occurrence : std::set<int>{1, (times + 1) / 2, times}) {
      for (const Harm harm : harms) traps.push_back({point, occurrence, harm});
    }
  }
  return traps;
}

TEST_P(CrashPoints, KilledAtEveryPoint) {
  int runs = 0, missed = 0;
  std::set<std::string> points;
  for (const Trap& trap : all_traps({Harm::kill_one, Harm::kill_all, Harm::power_loss})) {
    const std::string what = fmt::format("{} at '{}' #{}", name(trap.harm), trap.point, trap.occurrence);
    World world(GetParam());
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
             alone().reached.size(), runs - missed, missed);
  EXPECT_EQ(points.size(), alone().reached.size());
  EXPECT_EQ(missed, 0);
}

/// A start that goes on from a checkpoint does other things first: it is killed at each of its points, too.
TEST_P(CrashPoints, KilledAtEveryPointOfARecovery) {
  const auto killed_once = [](World& world) {
    const std::string point = "chunk ssink-memory before";
    const Trap trap{point, alone().reached.at(point) / 2, Harm::kill_all};
    EXPECT_TRUE(world.start(1, trap).trapped);
    world.reached.clear();
  };
  World second(GetParam());
  killed_once(second);
  ASSERT_TRUE(second.start(2).ok());
  int runs = 0;
  for (const auto& [point, times] : second.reached) {
    for (const int occurrence : std::set<int>{1, times}) {
      for (const Harm harm : {Harm::kill_one, Harm::power_loss}) {
        const std::string what = fmt::format("recovery, {} at '{}' #{}", name(harm), point, occurrence);
        World world(GetParam());
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

TEST_P(CrashPoints, KilledAgainAndAgain) {
  std::mt19937_64 random(11);
  const auto traps = all_traps({Harm::kill_one, Harm::kill_all, Harm::power_loss});
  for (int round = 0; round < 300; ++round) {
    World world(GetParam());
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

TEST_P(CrashPoints, AStoppedStartIsFencedByItsTwin) {
  int runs = 0, fenced = 0;
  for (const Trap& trap : all_traps({Harm::stop_all})) {
    const std::string what = fmt::format("{} at '{}' #{}", name(trap.harm), trap.point, trap.occurrence);
    World world(GetParam());
    const auto twin = world.start(1, trap);
    ++runs;
    if (!twin.trapped) continue;
    EXPECT_TRUE(twin.ok()) << what << ": twin: " << twin.text();
    EXPECT_FALSE(world.stopped.hung) << what << ": " << world.stopped.text();
    const auto& stopped = world.stopped.stages;
    fenced +=
        std::any_of(stopped.begin(), stopped.end(), [](const auto& s) { return s.second.code() == Code::fenced; });
    expect_same(world, what);
    recover(world, 5000 + static_cast<uint64_t>(runs), what);
    if (::testing::Test::HasFailure()) return;
  }
  fmt::print("stopped at {} points, fenced at {}\n", runs, fenced);
  EXPECT_GT(fenced, runs / 2);
}

}  // namespace
}  // namespace streamutils::crash
