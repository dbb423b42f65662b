// SPDX-License-Identifier: Apache-2.0
// The directory store killed, powered off and starved of space between any two of its calls.
#include <algorithm>
#include <cstdio>

#include "tests/unit/checkpoint/store_fixture.hpp"

namespace streamutils::checkpoint {
namespace {

constexpr std::string_view kName = "state/r1/2/swindow";
constexpr std::string_view kBytes = "the whole of it";

using Points = std::vector<std::string>;

/// What a process does until it is killed: opens the store and makes an object. True: it was told that it is durable.
bool open_and_put(FileSystem& files, std::string_view name = kName, std::string_view bytes = kBytes) {
  auto store = open_directory_store("/ck", files);
  if (!store.ok()) return false;
  auto put = (*store)->put_if_absent(name, bytes);
  return put.ok() && *put;
}

Points points_of(std::string_view name = kName) {
  Points points;
  CrashDisk disk("/ck");
  disk.hook = [&](const std::string& point) {
    points.push_back(point);
    return Status();
  };
  EXPECT_TRUE(open_and_put(*disk.process(), name));
  return points;
}

/// A process that is killed when it comes to its `at`th point.
struct Victim {
  Victim(CrashDisk& disk, size_t at)
      : files(disk.process([this, at](const std::string&) {
          if (seen++ == at) files->kill();
          return Status();
        })) {}
  size_t seen = 0;
  std::unique_ptr<CrashFileSystem> files;
};

TEST(StoreCrash, ThePointsOfAnObjectHaveNames) {
  const Points points = points_of();
  for (const std::string point : {"make_folders root before", "create format before", "sync format after",
                                  "link format before", "sync_folder root after", "create state before",
                                  "append state before", "append state after", "sync state before", "link state before",
                                  "link state after", "sync_folder state after", "remove state before"}) {
    EXPECT_NE(std::find(points.begin(), points.end(), point), points.end()) << point;
  }
}

TEST(StoreCrash, AnObjectIsThereWholeOrNotAtAll) {
  size_t crashes = 0;
  const size_t points = points_of().size();
  // 0: the process alone dies; 1: power is lost with all that was not synced; from 2 on: some of it had been written.
  for (uint32_t how = 0; how < 40; ++how) {
    for (size_t at = 0; at <= points; ++at) {
      SCOPED_TRACE(fmt::format("how {} at {}", how, at));
      CrashDisk disk("/ck");
      Victim victim(disk, at);
      const bool promised = open_and_put(*victim.files);
      ASSERT_EQ(promised && victim.files->alive(), at == points);
      std::mt19937 luck(how * 1000 + static_cast<uint32_t>(at));
      disk.crash(how > 0, how > 1 ? &luck : nullptr);
      ++crashes;

      const auto files = disk.process();
      auto store = open_directory_store("/ck", *files);
      ASSERT_OK(store);
      const auto found = value((*store)->get(kName));
      if (promised) {
        ASSERT_TRUE(found.has_value());
      }
      if (found) {
        ASSERT_EQ(*found, kBytes);
      }
      ASSERT_EQ(value((*store)->list("")).size(), found ? 1u : 0u);
      ASSERT_EQ(value((*store)->put_if_absent(kName, "again")), !found);
      ASSERT_OK((*store)->clean("r2"));
      ASSERT_EQ(disk.files().size(), 2u) << "more than format and the object";
    }
  }
  std::printf("%zu points, %zu crashes\n", points, crashes);
}

TEST(StoreCrash, WhatSomebodyHasSeenSurvives) {
  // A sink that sees the decision acts on it at once; were the decision then lost with the power, its effects would
  // come twice.
  const std::string manifest = "manifest/00000000000000000007";
  const size_t points = points_of(manifest).size();
  size_t seen = 0;
  for (size_t at = 0; at <= points; ++at) {
    for (const bool by_get : {false, true}) {
      SCOPED_TRACE(at);
      CrashDisk disk("/ck");
      Victim writer(disk, at);
      (void)open_and_put(*writer.files, manifest);
      const auto reader = disk.process();
      const auto store = value(open_directory_store("/ck", *reader));
      const bool shown = by_get ? value(store->get(manifest)).has_value() : value(store->exists(manifest));
      disk.crash(true);
      if (!shown) continue;
      ++seen;
      const auto after = disk.process();
      ASSERT_EQ(value(value(open_directory_store("/ck", *after))->get(manifest)), kBytes);
    }
  }
  EXPECT_GT(seen, 4u);
}

TEST(StoreCrash, OfTwoWritersOneSucceeds) {
  const size_t points = points_of().size();
  for (size_t at = 0; at < points; ++at) {
    SCOPED_TRACE(at);
    CrashDisk disk("/ck");
    const auto second = disk.process();
    bool second_won = false;
    size_t seen = 0;
    const auto first = disk.process([&](const std::string&) {
      if (seen++ == at) second_won = open_and_put(*second, kName, "of the second");
      return Status();
    });
    const bool first_won = open_and_put(*first, kName, "of the first");
    ASSERT_NE(first_won, second_won);
    disk.crash(true);
    const auto after = disk.process();
    ASSERT_EQ(value(value(open_directory_store("/ck", *after))->get(kName)),
              first_won ? "of the first" : "of the second");
  }
}

TEST(StoreCrash, TheCollectorNeverTakesAFolderFromUnderAWriter) {
  // The object's folders were made and empty when another process removed the last object beside them.
  const size_t points = points_of().size();
  for (size_t at = 0; at < points; ++at) {
    SCOPED_TRACE(at);
    CrashDisk disk("/ck");
    const auto collector = disk.process();
    const auto garbage = value(open_directory_store("/ck", *collector));
    ASSERT_TRUE(value(garbage->put_if_absent("state/r1/2/other", "x")));
    size_t seen = 0;
    const auto writer = disk.process([&](const std::string&) {
      if (seen++ == at) {
        EXPECT_TRUE(garbage->remove("state/r1/2/other").ok());
      }
      return Status();
    });
    const auto store = value(open_directory_store("/ck", *writer));
    ASSERT_TRUE(value(store->put_if_absent(kName, kBytes)));
    disk.crash(true);
    const auto after = disk.process();
    ASSERT_EQ(value(value(open_directory_store("/ck", *after))->get(kName)), kBytes);
  }
}

TEST(StoreCrash, ARemovalThatIsCutLeavesNothingInTheWay) {
  for (const bool power : {false, true}) {
    for (size_t at = 0; at < 12; ++at) {
      SCOPED_TRACE(at);
      CrashDisk disk("/ck");
      {
        const auto files = disk.process();
        ASSERT_TRUE(open_and_put(*files));
      }
      Victim victim(disk, at);
      const auto store = value(open_directory_store("/ck", *victim.files));
      (void)store->remove(kName);
      disk.crash(power);
      const auto after = disk.process();
      const auto again = value(open_directory_store("/ck", *after));
      const auto found = value(again->get(kName));
      if (found) {
        ASSERT_EQ(*found, kBytes);
      }
      ASSERT_OK(again->remove(kName));
      ASSERT_EQ(value(again->put_if_absent(kName, kBytes)), true);
    }
  }
}

TEST(StoreCrash, AFullDiskFailsCleanlyAtEveryWrite) {
  for (const int error : {ENOSPC, EDQUOT, EIO, EROFS}) {
    size_t failures = 0;
    for (uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(fmt::format("{} at {}", error, nth));
      CrashDisk disk("/ck");
      disk.fail(nth, error, error == EIO ? 1 : UINT64_MAX);
      const auto files = disk.process();
      auto store = open_directory_store("/ck", *files);
      Status status = store.ok() ? Status() : store.take_status();
      if (status.ok()) status = (*store)->put_if_absent(kName, kBytes).take_status();
      if (status.ok()) break;
      ++failures;
      EXPECT_EQ(status.code(), Code::failed);
      const std::string said = message(status);
      EXPECT_NE(said.find("'/ck"), std::string::npos) << said;
      EXPECT_NE(said.find("the pipeline goes on from its last checkpoint at the next start)"), std::string::npos)
          << said;
      for (const auto& [path, size] : disk.files()) EXPECT_FALSE(path.starts_with("/ck/tmp/")) << path;

      disk.heal();
      const auto after = disk.process();
      auto again = open_directory_store("/ck", *after);
      ASSERT_OK(again);
      const auto found = value((*again)->get(kName));
      if (found) {
        EXPECT_EQ(*found, kBytes);
      }
      EXPECT_EQ(value((*again)->put_if_absent(kName, kBytes)), !found);
    }
    EXPECT_GT(failures, 12u);
  }
}

TEST(StoreCrash, AFullDiskNamesTheCheckpointAndTheRemedy) {
  CrashDisk disk("/ck");
  const auto files = disk.process();
  const auto store = value(open_directory_store("/ck", *files));
  const auto writer = value(store->create("spool/r1/1/ssink-redis"));
  disk.fail(1, ENOSPC);
  const std::string said = message(writer->append("effects"));
  EXPECT_TRUE(said.starts_with("checkpoint '/ck': cannot write '/ck/tmp/r1.")) << said;
  EXPECT_TRUE(
      said.ends_with("': No space left on device (free some; the pipeline goes on from its last checkpoint at the "
                     "next start)"))
      << said;
}

TEST(StoreCrash, WhatNoRetryMendsIsAUsageError) {
  CrashDisk disk("/ck");
  const auto files = disk.process();
  const auto store = value(open_directory_store("/ck", *files));
  disk.fail(1, EACCES);
  const auto put = store->put_if_absent(kName, kBytes);
  EXPECT_EQ(put.status().code(), Code::usage);
  EXPECT_NE(message(put).find("Permission denied"), std::string::npos) << message(put);
}

TEST(StoreCrash, AFailedSyncIsNeverTriedAgain) {
  CrashDisk disk("/ck");
  size_t syncs = 0;
  const auto files = disk.process([&](const std::string& point) {
    if (point != "sync state before") return Status();
    ++syncs;
    return failed("Input/output error");
  });
  const auto store = value(open_directory_store("/ck", *files));
  const auto writer = value(store->create(kName));
  ASSERT_OK(writer->append("x"));
  EXPECT_FALSE(writer->commit().ok());
  EXPECT_FALSE(writer->commit().ok());
  EXPECT_FALSE(writer->append("y").ok());
  EXPECT_EQ(syncs, 1u);
  EXPECT_FALSE(value(store->exists(kName)));
}

TEST(StoreCrash, ALockEndsWithItsProcess) {
  CrashDisk disk("/ck");
  const auto a = disk.process(), b = disk.process();
  const auto first = value(open_directory_store("/ck", *a)), second = value(open_directory_store("/ck", *b));
  std::string other;
  const auto held = value(first->try_lock("a", &other));
  ASSERT_TRUE(held);
  EXPECT_FALSE(value(second->try_lock("b", &other)));
  EXPECT_EQ(other, "a");
  a->kill();
  EXPECT_FALSE(first->put_if_absent(kName, kBytes).ok());
  EXPECT_TRUE(value(second->try_lock("b", &other)));
}

}  // namespace
}  // namespace streamutils::checkpoint
