// SPDX-License-Identifier: Apache-2.0
// What a source learns at its start, and the positions that it cuts.
#include "lib/checkpoint/source_member.hpp"

#include <gtest/gtest.h>

#include "lib/checkpoint/start.hpp"
#include "tests/helpers/item_recorder.hpp"
#include "tests/unit/checkpoint/store_fixture.hpp"

namespace streamutils::checkpoint {
namespace {

using Offsets = std::map<std::string, int64_t, std::less<>>;
using Kind = Manifest::Kind;

class NoPatience final : public Patience {
 public:
  Status pause(Duration) override { return failed("nothing to wait for"); }
  [[nodiscard]] bool input_closed() const override { return false; }
};

class Sources : public testing::Test {
 protected:
  Open open(std::vector<UnitRange> sources) {
    Open open;
    open.run = "run" + std::to_string(++runs_);
    open.stages = {{"1", "skafka-cat", false, store_->place()}, {"2", "ssink-redis", true, store_->place()}};
    open.sources = std::move(sources);
    return open;
  }

  /// A start of the whole pipeline, up to what its source is told. The root's manifest is kept for decide().
  ResumePoint start(std::vector<UnitRange> sources, bool fresh = false) {
    Open opened = open(std::move(sources));
    started_ = {};
    auto started = start_root(*store_, opened, {.fresh = fresh, .from_epoch = {}}, patience_, context_);
    EXPECT_TRUE(started.ok()) << started.status().message();
    started_ = *std::move(started);
    EXPECT_TRUE(announce(*store_, started_, opened.run).ok());
    member_.emplace(*store_, Duration{1'000'000}, patience_, context_);
    EXPECT_TRUE(member_->on_open(opened, out_).ok());
    return member_->resume_point();
  }

  /// An epoch of the run that was started last.
  void decide(Kind kind, const Offsets& positions) {
    Manifest next = started_.manifest;
    next.kind = kind;
    next.from.reset();
    next.positions = {positions.begin(), positions.end()};
    ++next.number;
    EXPECT_TRUE(checkpoint::decide(*store_, next).ok());
  }

  /// The positions of a barrier that is cut now.
  Offsets cut() {
    clock_.advance(Duration{2'000'000});
    member_->on_decided([this](const auto& positions) { decided_ = {positions.begin(), positions.end()}; });
    EXPECT_TRUE(member_->on_deadline(out_).ok());
    decide(Kind::epoch, {});
    EXPECT_TRUE(member_->on_deadline(out_).ok());
    return decided_;
  }

  TemporaryFolder folder_;
  std::unique_ptr<FileSystem> files_ = posix_file_system();
  std::unique_ptr<ObjectStore> store_ = value(open_directory_store(folder_.path("store"), *files_));
  FakeClock clock_;
  NullLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  NoPatience patience_;
  ItemRecorder out_{units_};
  Started started_;
  std::optional<SourceMember> member_;
  Offsets decided_;
  int runs_ = 0;
};

TEST_F(Sources, AFirstStartIsTheSourcesOwn) {
  const ResumePoint first = start({{"t/0", 7, 20}});
  EXPECT_TRUE(first.first);
  EXPECT_FALSE(first.finished);
  const ResumePoint second = start({{"t/0", 9, 30}});
  EXPECT_FALSE(second.first);
  EXPECT_EQ(second.positions, (Offsets{{"t/0", 7}})) << "the first start's options count, though it decided nothing";
  EXPECT_EQ(second.ends, (Offsets{{"t/0", 20}}));
  EXPECT_TRUE(start({{"t/0", 9, 30}}, true).first) << "--fresh";
}

TEST_F(Sources, AStartWithoutPositionsWasNone) {
  EXPECT_TRUE(start({}).first);
  decide(Kind::ended, {});
  EXPECT_EQ(start({{"t/0", 7, std::nullopt}}).positions, (Offsets{{"t/0", 7}}));
  EXPECT_EQ(start({{"t/0", 9, std::nullopt}}).positions, (Offsets{{"t/0", 7}}));
}

TEST_F(Sources, BoundsHoldUntilTheRangeWasRead) {
  start({{"t/0", 0, 20}, {"t/1", 0, 10}});
  decide(Kind::ended, {{"t/0", 20}, {"t/1", 9}});
  EXPECT_EQ(start({{"t/0", 0, 40}, {"t/1", 0, 40}, {"t/2", 0, 5}}).ends,
            (Offsets{{"t/0", 20}, {"t/1", 10}, {"t/2", 5}}))
      << "it was stopped on the way";
  decide(Kind::ended, {{"t/0", 20}, {"t/1", 10}, {"t/2", 5}});
  EXPECT_EQ(start({{"t/0", 0, 40}, {"t/1", 0, 50}}).ends, (Offsets{{"t/0", 40}, {"t/1", 50}}));
}

TEST_F(Sources, FinishedIsFinished) {
  start({{"t/0", 0, 20}});
  decide(Kind::finished, {{"t/0", 20}});
  EXPECT_TRUE(start({{"t/0", 0, 40}}).finished);
  EXPECT_TRUE(start({{"t/0", 0, 40}}).finished);
}

TEST_F(Sources, PositionsAreThoseOfWhatWasGivenOrPassed) {
  start({{"t/0", 0, std::nullopt}, {"t/1", 5, std::nullopt}, {"t/2", 6, std::nullopt}});
  const UnitId t0 = units_.id("t/0");
  const UnitId t1 = units_.id("t/1");
  ASSERT_TRUE(member_->on_assign({.unit = t0, .position = 0, .units_in_all = 3}, out_).ok());
  ASSERT_TRUE(member_->on_assign({.unit = t1, .position = 5, .units_in_all = 3}, out_).ok());
  BatchBuilder batch;
  batch.clear(t0);
  const int64_t offset = 3;
  batch.text() += "{}";
  batch.commit(nullptr, &offset, nullptr);
  member_->passed(t0, 9);
  ASSERT_TRUE(member_->on_records(batch.batch(), out_).ok());
  ASSERT_TRUE(member_->on_side({.label = "invalid", .reason = "tombstone", .unit = t1, .offset = 7}, out_).ok());
  EXPECT_EQ(cut(), (Offsets{{"t/0", 9}, {"t/1", 8}, {"t/2", 6}}));
}

}  // namespace
}  // namespace streamutils::checkpoint
