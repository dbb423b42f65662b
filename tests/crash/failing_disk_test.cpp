// SPDX-License-Identifier: Apache-2.0
// A disk that is full, or fails, at every single call: the pipeline ends with an error that says so, and once the disk
// is well the next start goes on to the same results.
#include <algorithm>

#include "tests/crash/results.hpp"

namespace streamutils::crash {
namespace {

constexpr uint64_t kOnce = 1, kForEver = UINT64_MAX;

/// So far nothing was written twice, left out or written out of order.
void expect_beginning(const Lines& got, const Lines& all, const std::string& what) {
  for (const auto& [unit, lines] : got) {
    const auto whole = all.find(unit);
    ASSERT_NE(whole, all.end()) << what << ": " << unit;
    ASSERT_LE(lines.size(), whole->second.size()) << what;
    EXPECT_TRUE(std::equal(lines.begin(), lines.end(), whole->second.begin())) << what << ": " << unit;
  }
}

/// Some stage says what the matter is, where, and what to do; none says that it must not be started again.
void expect_clear_failure(const World::Outcome& outcome, std::string_view reason, const std::string& what) {
  bool said = false;
  for (const auto& [stage, status] : outcome.stages) {
    EXPECT_NE(status.code(), Code::usage) << what << ": " << stage << ": " << status.message();
    const std::string_view message = status.message();
    said |= message.find(reason) != message.npos && message.find("'/checkpoint") != message.npos &&
            message.find("the pipeline goes on from its last checkpoint at the next start") != message.npos;
  }
  EXPECT_TRUE(said) << what << ": " << outcome.text();
}

struct Fault {
  int error;
  std::string_view reason;
  uint64_t times;
  bool reading = false;
  bool power_loss = false;  // before the next start
  uint64_t step = 1;
};

void fail_at_every_call(const Fault& fault) {
  const uint64_t calls = fault.reading ? undisturbed().reads : undisturbed().writes;
  uint64_t starts = 0, failures = 0;
  for (uint64_t nth = 1; nth <= calls; nth += fault.step) {
    const std::string what = fmt::format("{} at call {} of {}", fault.reason, nth, calls);
    World world;
    ++starts;
    fault.reading ? world.disk.fail_reads(nth, fault.error, fault.times)
                  : world.disk.fail(nth, fault.error, fault.times);
    const auto outcome = world.start(1);
    ASSERT_FALSE(outcome.hung) << what << ": " << outcome.text();
    if (!outcome.ok()) {
      ++failures;
      expect_clear_failure(outcome, fault.reason, what);
    }
    expect_beginning(world.main_store.lines, undisturbed().result.main, what);
    expect_beginning(world.side_store.lines, undisturbed().result.side, what);
    world.disk.heal();
    if (fault.power_loss) world.disk.crash(true);
    recover(world, nth + 1, what);
    if (::testing::Test::HasFailure()) return;
  }
  fmt::print("{}: {} of {} calls, {} of them ended the start\n", fault.reason, starts, calls, failures);
  EXPECT_GT(failures, starts / 2);
}

TEST(FailingDisk, FullAtEveryWriteUntilRoomIsMade) {
  fail_at_every_call({.error = ENOSPC, .reason = "No space left on device", .times = kForEver});
}

TEST(FailingDisk, FullForOneWriteOnly) {
  fail_at_every_call({.error = ENOSPC, .reason = "No space left on device", .times = kOnce, .step = 7});
}

TEST(FailingDisk, FullThenALossOfPower) {
  fail_at_every_call(
      {.error = ENOSPC, .reason = "No space left on device", .times = kForEver, .power_loss = true, .step = 7});
}

TEST(FailingDisk, AnErrorAtEveryWriteUntilItIsRepaired) {
  fail_at_every_call({.error = EIO, .reason = "Input/output error", .times = kForEver, .step = 7});
}

TEST(FailingDisk, AnErrorAtOneWriteThenALossOfPower) {
  fail_at_every_call({.error = EIO, .reason = "Input/output error", .times = kOnce, .power_loss = true});
}

TEST(FailingDisk, AnErrorAtEveryReadUntilItIsRepaired) {
  fail_at_every_call({.error = EIO, .reason = "Input/output error", .times = kForEver, .reading = true, .step = 7});
}

TEST(FailingDisk, AnErrorAtOneRead) {
  fail_at_every_call({.error = EIO, .reason = "Input/output error", .times = kOnce, .reading = true});
}

/// Nothing is made worse by trying again and again.
TEST(FailingDisk, FullForManyStarts) {
  World world;
  world.disk.fail(undisturbed().writes / 2, ENOSPC);
  for (uint64_t seed = 1; seed < 6; ++seed) {
    const auto outcome = world.start(seed);
    ASSERT_FALSE(outcome.hung) << outcome.text();
    ASSERT_FALSE(outcome.ok());
    expect_clear_failure(outcome, "No space left on device", fmt::format("start {}", seed));
  }
  world.disk.heal();
  recover(world, 9, "room was made");
}

}  // namespace
}  // namespace streamutils::crash
