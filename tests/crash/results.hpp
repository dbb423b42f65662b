// SPDX-License-Identifier: Apache-2.0
// What the sinks hold in the end, and what one run that nothing disturbed leaves.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/crash/world.hpp"

namespace streamutils::crash {

using Lines = std::map<std::string, std::vector<std::string>>;  // by unit

struct Final {
  Lines main, side;
  bool operator==(const Final&) const = default;
};

inline Final final_of(const World& world) { return {world.main_store.lines, world.side_store.lines}; }

struct Undisturbed {
  explicit Undisturbed(Shape shape) {
    World world(shape);
    outcome = world.start(1);
    result = final_of(world);
    reached = world.reached;
    writes = world.disk.writes();
    reads = world.disk.reads();
  }
  World::Outcome outcome;
  Final result;
  std::map<std::string, int> reached;
  uint64_t writes = 0, reads = 0;
};

/// The results are the same in any shape: a test says so.
inline const Undisturbed& undisturbed(Shape shape = Shape::processes) {
  static std::map<Shape, Undisturbed> runs;
  return runs.try_emplace(shape, shape).first->second;
}

inline void expect_same(const World& world, const std::string& what) {
  const Final got = final_of(world);
  EXPECT_EQ(got.main, undisturbed().result.main) << what;
  EXPECT_EQ(got.side, undisturbed().result.side) << what;
}

/// The next start comes through.
inline void recover(World& world, uint64_t seed, const std::string& what) {
  const auto outcome = world.start(seed);
  ASSERT_TRUE(outcome.ok()) << what << ": " << outcome.text();
  expect_same(world, what);
}

}  // namespace streamutils::crash
