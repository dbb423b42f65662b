// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/root_watch.hpp"

#include <gtest/gtest.h>

#include "lib/checkpoint/start.hpp"
#include "tests/helpers/crash_file_system.hpp"

namespace streamutils::checkpoint {
namespace {

/// Waits in no time.
class NoTime final : public Patience {
 public:
  Status pause(Duration duration) override {
    waited.us += duration.us;
    return waited.us > 300'000'000 ? failed("it waits for ever") : Status();
  }
  [[nodiscard]] bool input_closed() const override { return false; }
  Duration waited{0};
};

class RootWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_directory_store("/c", *files_);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    store_ = *std::move(opened);
  }
  CrashDisk disk_{"/c"};
  std::unique_ptr<CrashFileSystem> files_ = disk_.process();
  std::unique_ptr<ObjectStore> store_;
  NoTime patience_;
};

TEST_F(RootWatchTest, WhoWaitsForAStartThatNobodyMakesLeaves) {
  const auto started = await_start(*store_, "run", patience_);
  EXPECT_EQ(started.status().exit_code(), 1);
  EXPECT_NE(started.status().message().find("nobody has held its lock"), std::string_view::npos)
      << started.status().message();
  EXPECT_GE(patience_.waited, RootWatch::kAbsence);
  EXPECT_LT(patience_.waited.us, RootWatch::kAbsence.us + 5'000'000);
}

TEST_F(RootWatchTest, TheHolderOfTheLockMayTakeItsTime) {
  std::string other;
  const auto lock = store_->try_lock("me", &other);
  ASSERT_TRUE(lock.ok());
  const auto started = await_start(*store_, "run", patience_);
  EXPECT_EQ(started.status().message(), "it waits for ever");
}

TEST_F(RootWatchTest, OnlyAbsenceInOnePieceCounts) {
  RootWatch watch(*store_);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(watch.waited(Duration{RootWatch::kAbsence.us / 2}).ok());
    watch.begin_again();
    ASSERT_TRUE(watch.waited(Duration{RootWatch::kAbsence.us / 2}).ok());
    std::string other;
    const auto lock = store_->try_lock("me", &other);
    ASSERT_TRUE(lock.ok());
    ASSERT_TRUE(watch.waited(RootWatch::kAbsence).ok());
  }
  EXPECT_FALSE(watch.waited(RootWatch::kAbsence).ok());
}

}  // namespace
}  // namespace streamutils::checkpoint
