// SPDX-License-Identifier: Apache-2.0
// Stops the sink before every single call to the disk, in every way a machine can stop, and starts it again.
#include <future>
#include <thread>

#include "fixture.hpp"

namespace streamutils::ssink_file {
namespace {

constexpr size_t kRecords = 40;
constexpr size_t kEvery = 7;

std::string record(size_t i) { return fmt::format(R"({{"k":"{}","n":{}}})", "abc"[i * 7 % 3], i); }

std::vector<std::string> input() {
  std::vector<std::string> records;
  for (size_t i = 0; i < kRecords; ++i) records.push_back(record(i));
  return records;
}

/// Rolls by size and by time, and has more paths than open parts.
Options small() {
  return {.directory = "out", .path = "{k}", .roll_size = 60, .roll_every = Duration{9'000'000}, .max_open = 2};
}

/// Takes finished parts away at once, as a loader would.
struct Reader {
  std::map<std::string, std::string> lines;
  void take(World& world) {
    for (auto it = world.names.begin(); it != world.names.end();) {
      if (World::is_hidden(it->first)) {
        ++it;
        continue;
      }
      lines[World::folder_of(it->first)] += it->second->bytes;
      world.durable_names.erase(it->first);
      it = world.names.erase(it);
    }
  }
};

std::map<std::string, std::string> wanted() {
  std::map<std::string, std::string> lines;
  for (size_t i = 0; i < kRecords; ++i) lines[std::string(1, "abc"[i * 7 % 3])] += record(i) + "\n";
  return lines;
}

using Lines = std::map<std::string, std::string>;

/// The lines of each folder without their order: a zombie may give names in another one.
Lines sorted(const Lines& lines) {
  Lines result;
  for (const auto& [folder, text] : lines) {
    std::set<std::string> split;
    size_t count = 0;
    for (size_t at = 0; at < text.size(); ++count) {
      const size_t end = text.find('\n', at);
      split.insert(text.substr(at, end - at));
      at = end + 1;
    }
    std::string& out = result[folder];
    for (const auto& line : split) out += line + "\n";
    if (count != split.size()) out += "doubled\n";
  }
  return result;
}

TEST(Crash, UndisturbedRunWritesEverythingOnce) {
  World world;
  Store store;
  Process process(world, small());
  ASSERT_TRUE(process.run(store, input(), kEvery).ok());
  EXPECT_EQ(world.finished(), wanted());
  EXPECT_EQ(world.hidden_parts(), 0u);
  EXPECT_FALSE(process.sink->deadline());
}

/// One crash before call `at` of the first process, then (`again` > 0) one of the second; true while there was such a
/// call.
bool crash_at(uint64_t at, uint64_t again, World::Loss loss, bool reader_takes) {
  World world;
  Store store;
  Reader reader;
  bool reached = false;
  for (const uint64_t call : {at, again, uint64_t{0}}) {
    Process process(world, small());
    bool crashed = false;
    process.fake->before = [&](uint64_t number) -> Status {
      if (reader_takes) reader.take(world);
      crashed = crashed || number == call;
      return crashed ? failed("crash") : Status();
    };
    const Status status = process.run(store, input(), kEvery);
    if (call == at && crashed) reached = true;
    if (status.ok()) break;
    EXPECT_TRUE(crashed) << status.message() << " (at " << at << ", " << again << ")";
    if (!crashed) return false;
    process.fake->before = {};
    world.crash(loss);
  }
  if (reader_takes) reader.take(world);
  EXPECT_EQ(reader_takes ? reader.lines : world.finished(), wanted()) << "at " << at << ", " << again;
  EXPECT_EQ(world.hidden_parts(), 0u) << "at " << at << ", " << again;
  return reached;
}

TEST(Crash, EveryCallEveryLoss) {
  uint64_t points = 0;
  for (const auto loss : {World::Loss::nothing, World::Loss::contents, World::Loss::everything}) {
    uint64_t at = 1;
    while (crash_at(at, 0, loss, false)) ++at;
    points += at - 1;
    EXPECT_GT(at, 100u);
  }
  RecordProperty("points", static_cast<int>(points));
  std::printf("%llu crash points\n", static_cast<unsigned long long>(points));
}

// A reader that takes every part away the moment it is there must not be given one twice. Power does not fail here:
// what it undoes, the reader has seen.
TEST(Crash, PartsThatWereTakenAwayAreNotMadeAgain) {
  uint64_t at = 1;
  while (crash_at(at, 0, World::Loss::nothing, true)) ++at;
  EXPECT_GT(at, 100u);
}

TEST(Crash, TheRecoveryCrashesToo) {
  for (uint64_t at = 5; crash_at(at, 1, World::Loss::everything, false); at += 11) {
    for (uint64_t again = 2; again < 40; ++again) {
      crash_at(at, again, World::Loss::everything, false);
      crash_at(at, again, World::Loss::nothing, true);
    }
  }
}

/// The first process is stopped before call `at`; its successor takes over and ends the work; then the first goes on.
bool zombie_at(uint64_t at, bool reader_takes, bool finishes) {
  World world;
  Store store;
  Reader reader;
  Process zombie(world, small());
  bool reached = false;
  zombie.fake->before = [&](uint64_t number) -> Status {
    if (reader_takes) reader.take(world);
    if (number != at) return {};
    reached = true;
    Store taken = store;
    Process successor(world, small());
    successor.fake->before = [&](uint64_t) -> Status {
      if (reader_takes) reader.take(world);
      return {};
    };
    if (finishes) {
      const Status status = successor.run(taken, input(), kEvery);
      EXPECT_TRUE(status.ok()) << status.message() << " at " << at;
      if (reader_takes) reader.take(world);
      return {};
    }
    EXPECT_TRUE(successor.start(taken).ok()) << "at " << at;
    return {};
  };
  const Status status = zombie.run(store, input(), kEvery);
  if (!reached) return false;
  // It may have been at the last call of its last epoch, with nothing left to be refused.
  if (status.ok()) {
    EXPECT_GT(at, 100u);
  }
  if (!finishes) {
    Store taken = store;
    ++taken.generation;
    Process third(world, small());
    const Status ended = third.run(taken, input(), kEvery);
    EXPECT_TRUE(ended.ok()) << ended.message() << " at " << at;
  }
  if (reader_takes) reader.take(world);
  EXPECT_EQ(sorted(reader_takes ? reader.lines : world.finished()), sorted(wanted()))
      << "at " << at << ": " << status.message();
  return true;
}

TEST(Crash, AZombieIsHarmlessWhereverItWasStopped) {
  for (const bool reader_takes : {false, true}) {
    for (const bool finishes : {false, true}) {
      uint64_t at = 1;
      while (zombie_at(at, reader_takes, finishes)) ++at;
      EXPECT_GT(at, 100u);
    }
  }
}

TEST(Crash, AZombieIsToldThatItIsOne) {
  World world;
  Store store;
  Process zombie(world, small());
  ASSERT_TRUE(zombie.start(store).ok());
  ASSERT_TRUE(zombie.epoch(store, input(), 5).ok());
  Store taken = store;
  Process successor(world, small());
  ASSERT_TRUE(successor.start(taken).ok());
  const Status status = zombie.epoch(store, input(), 5);
  EXPECT_EQ(status.code(), Code::fenced);
  EXPECT_NE(status.message().find("generation 2"), std::string::npos) << status.message();
}

// The one before is not stopped at all: it applies the last decided spool at every moment of its successor's start.
TEST(Crash, TheOneBeforeIsQuickerThanItsSuccessor) {
  for (const bool reader_takes : {false, true}) {
    uint64_t at = 1;
    for (bool reached = true; reached; ++at) {
      World world;
      Store store;
      Reader reader;
      Process first(world, small());
      ASSERT_TRUE(first.start(store).ok());
      ASSERT_TRUE(first.epoch(store, input(), kEvery).ok());
      ASSERT_TRUE(first.epoch(store, input(), kEvery, false).ok());
      Process second(world, small());
      reached = false;
      second.fake->before = [&](uint64_t number) -> Status {
        if (number == at) {
          reached = true;
          static_cast<void>(first.apply(2, store.epochs[2]).ok());
        }
        if (reader_takes) reader.take(world);
        return {};
      };
      const Status status = second.run(store, input(), kEvery);
      ASSERT_TRUE(status.ok()) << status.message() << " at " << at;
      if (reader_takes) reader.take(world);
      EXPECT_EQ(sorted(reader_takes ? reader.lines : world.finished()), sorted(wanted())) << "at " << at;
    }
    EXPECT_GT(at, 100u);
  }
}

/// The first process is stopped before its call `at`, and goes on when its successor is before its call `then`. Threads
/// hand over to each other: never do both run. Sets *stopped when there was such a call, *went_on when there were both.
void wake_at(uint64_t at, uint64_t then, bool reader_takes, bool* stopped, bool* went_on) {
  World world;
  Store store;
  Reader reader;
  Process zombie(world, small());
  std::promise<bool> at_rest;
  std::promise<void> wake;
  bool rested = false;
  zombie.fake->before = [&](uint64_t number) -> Status {
    if (reader_takes) reader.take(world);
    if (number == at) {
      rested = true;
      at_rest.set_value(true);
      wake.get_future().wait();
    }
    return {};
  };
  std::thread runs([&] {
    static_cast<void>(zombie.run(store, input(), kEvery).ok());
    if (!rested) at_rest.set_value(false);
  });
  *stopped = at_rest.get_future().get();
  *went_on = false;
  Store taken = store;
  store.taken_over = true;
  Process successor(world, small());
  const auto wake_up = [&] {
    if (*stopped && !*went_on) wake.set_value();
    if (runs.joinable()) runs.join();
    *went_on = true;
  };
  successor.fake->before = [&](uint64_t number) -> Status {
    if (number == then) wake_up();
    if (reader_takes) reader.take(world);
    return {};
  };
  if (*stopped) {
    const Status status = successor.run(taken, input(), kEvery);
    EXPECT_TRUE(status.ok()) << status.message() << " at " << at << ", " << then;
    if (reader_takes) reader.take(world);
    EXPECT_EQ(sorted(reader_takes ? reader.lines : world.finished()), sorted(wanted())) << "at " << at << ", " << then;
  }
  wake_up();
}

TEST(Crash, AZombieMayWakeUpInTheMiddleOfItsSuccessorsStart) {
  for (const bool reader_takes : {false, true}) {
    uint64_t at = 1;
    for (bool stopped = true; stopped; at += 2) {
      for (uint64_t then = 1; then < 24 && stopped; ++then) {
        bool went_on = false;
        wake_at(at, then, reader_takes, &stopped, &went_on);
      }
    }
    EXPECT_GT(at, 100u);
  }
}

// The zombie's epochs are not those of a successor that was set back: it decides anew what goes into which part.
TEST(Crash, AZombieCannotSpoilADirectoryThatWasSetBack) {
  uint64_t at = 1;
  for (;; ++at) {
    World world;
    Store store;
    Process zombie(world, small());
    Store taken;
    std::unique_ptr<Process> successor;
    zombie.fake->before = [&](uint64_t number) -> Status {
      if (number != at) return {};
      taken = store;
      successor = std::make_unique<Process>(world, small());
      const bool fresh = taken.epochs.size() < 3;
      const Status status = fresh ? successor->start(taken, std::nullopt, true) : successor->start(taken, 2);
      EXPECT_TRUE(status.ok()) << status.message() << " at " << at;
      EXPECT_TRUE(successor->epoch(taken, input(), 9).ok()) << "at " << at;  // cut elsewhere than the zombie does
      return {};
    };
    const Status status = zombie.run(store, input(), kEvery);
    if (!successor) break;
    while (successor->position < kRecords) {
      const Status next = successor->epoch(taken, input(), 9);
      ASSERT_TRUE(next.ok()) << next.message() << " at " << at;
    }
    ASSERT_TRUE(successor->end().ok()) << "at " << at;
    // Lines may be doubled (they were finished before it was set back), but each is whole, and none is missing.
    Lines lines = world.finished();
    for (auto& [folder, text] : lines) {
      std::set<std::string> split;
      for (size_t start = 0; start < text.size();) {
        const size_t end = text.find('\n', start);
        ASSERT_NE(end, std::string::npos) << "at " << at;
        split.insert(text.substr(start, end - start));
        start = end + 1;
      }
      text.clear();
      for (const auto& line : split) text += line + "\n";
    }
    EXPECT_EQ(lines, sorted(wanted())) << "at " << at << ": " << status.message();
  }
  EXPECT_GT(at, 100u);
}

}  // namespace
}  // namespace streamutils::ssink_file
