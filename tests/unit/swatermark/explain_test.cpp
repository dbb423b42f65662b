// SPDX-License-Identifier: Apache-2.0
// What swatermark says of itself: who holds the watermark, and why.
#include <gtest/gtest.h>

#include <algorithm>

#include "tools/swatermark/swatermark.hpp"

namespace streamutils::swatermark {
namespace {

class NoOutput final : public Output {
 public:
  Status records(const Batch&) override { return {}; }
  Status control(const Control&) override { return {}; }
};

class LineLog final : public Log {
 public:
  void write(Level, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

class SwatermarkExplainTest : public ::testing::Test {
 protected:
  SwatermarkExplainTest() {
    options_.time_field = "t";
    options_.step = Duration{0};
    auto made = Swatermark::create(options_, context_);
    EXPECT_TRUE(made.ok());
    op_ = *std::move(made);
  }
  void at(int64_t seconds, std::string_view unit) {
    builder_.clear(units_.id(unit));
    builder_.append(fmt::format(R"({{"t":{}}})", 1'700'000'000 + seconds));
    EXPECT_TRUE(op_->on_records(builder_.batch(), out_).ok());
    EXPECT_TRUE(op_->on_quiet(out_).ok());
  }
  void pass(int64_t seconds) { clock_.advance(Duration{seconds * 1'000'000}); }
  /// The lines that begin with any of the words, without repeated spaces.
  std::vector<std::string> said(const std::vector<std::string_view>& words) {
    log_.lines.clear();
    op_->explain();
    std::vector<std::string> out;
    for (const std::string& line : log_.lines) {
      if (std::ranges::none_of(words, [&](std::string_view word) { return line.starts_with(word); })) continue;
      std::string& text = out.emplace_back();
      for (const char c : line) {
        if (c != ' ' || !text.ends_with(' ')) text += c;
      }
    }
    return out;
  }

  using Lines = std::vector<std::string>;
  Options options_;
  FakeClock clock_;
  LineLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  NoOutput out_;
  BatchBuilder builder_;
  std::unique_ptr<Swatermark> op_;
};

TEST_F(SwatermarkExplainTest, NothingCame) {
  op_->explain();
  EXPECT_EQ(log_.lines, (Lines{"no watermark: no record with a time has come"}));
}

TEST_F(SwatermarkExplainTest, AStalledUnitHoldsItSinceItFellBehind) {
  at(0, "t/0");
  at(1, "t/1");
  pass(1);
  at(2, "t/0");  // from here on t/1 is behind
  pass(60);
  at(134, "t/0");
  EXPECT_EQ(said({"watermark"}).front(),
            "watermark 2023-11-14T22:13:21Z, 2m13s behind the newest record: unit 't/1' holds it, for 1m (stalled: no "
            "record for 1m1s, and it is not known to be at the end of its log)");
  EXPECT_EQ(said({"t/"}), (Lines{"t/1 2023-11-14T22:13:21Z 2m13s 1 0 stalled: no record for 1m1s, and it is not known "
                                 "to be at the end of its log",
                                 "t/0 2023-11-14T22:15:34Z 0s 3 0 rising"}));
}

TEST_F(SwatermarkExplainTest, RecordsWithoutProgressAreNotAStall) {
  at(100, "t/0");
  for (int i = 0; i < 10; ++i) {
    pass(1);
    at(i, "t/0");
  }
  EXPECT_EQ(said({"t/"}),
            (Lines{"t/0 2023-11-14T22:15:00Z 0s 11 10 not rising for 10s: 10 records came, none new enough"}));
}

TEST_F(SwatermarkExplainTest, AUnitWithoutRecordsHoldsAll) {
  EXPECT_TRUE(op_->on_assign(Assign{units_.id("t/0"), 0, 2}, out_).ok());
  EXPECT_TRUE(op_->on_assign(Assign{units_.id("t/1"), 0, 2}, out_).ok());
  at(0, "t/0");
  pass(12);
  EXPECT_EQ(
      said({"no watermark"}),
      (Lines{"no watermark over all units: unit 't/1' holds it back, for 12s (no record for 12s, and it is not known "
             "to be at the end of its log)"}));
  // A revoked one holds nothing, and is not spoken of.
  EXPECT_TRUE(op_->on_revoke(Revoke{units_.id("t/1")}, out_).ok());
  EXPECT_EQ(said({"watermark", "t/1"}).size(), 1U);
}

TEST_F(SwatermarkExplainTest, AtTheEndOfItsLogThenIdle) {
  at(0, "t/0");
  at(9, "t/1");
  EXPECT_TRUE(op_->on_caught_up(CaughtUp{units_.id("t/0"), true}, out_).ok());
  pass(3);
  EXPECT_EQ(said({"t/0"}), (Lines{"t/0 2023-11-14T22:13:20Z 9s 1 0 at the end of its log for 3s: idle in 2s"}));
  pass(2);
  EXPECT_TRUE(op_->on_deadline(out_).ok());
  at(10, "t/1");
  EXPECT_EQ(said({"watermark", "t/0"}),
            (Lines{"watermark 2023-11-14T22:13:30Z, 0s behind the newest record: unit 't/1' holds it, for 0s (rising)",
                   "t/0 2023-11-14T22:13:20Z 10s 1 0 idle"}));
}

TEST_F(SwatermarkExplainTest, HowFarBehind) {
  at(100, "t/0");
  for (const int64_t t : {99, 90, 40, 100, 101}) at(t, "t/0");
  EXPECT_EQ(said({"3 of", "so far", "1", "--bounded"}),
            (Lines{"3 of 6 records (50 %) came behind the watermark of their unit, 3 (50 %) behind its newest record",
                   "so far behind newest record watermark", "1s to 10s 1 1", "10s to 1m 1 1", "1m to 10m 1 1",
                   "--bounded 0s # keeps 50 %; at most 3 of 6 records come behind the watermark",
                   "--bounded 1m # keeps 90 %; at most 0 of 6 records come behind the watermark",
                   "--bounded 1m # keeps 99 %; at most 0 of 6 records come behind the watermark",
                   "--bounded 1m # keeps 99.9 %; at most 0 of 6 records come behind the watermark",
                   "--bounded 1m # keeps 100 %; at most 0 of 6 records come behind the watermark"}));
  EXPECT_EQ(metrics_.total("stream_behind_watermark_records_total"), 3);
}

TEST_F(SwatermarkExplainTest, ManyUnitsAreCutToThoseThatMatter) {
  for (int i = 0; i < 100; ++i) at(1000 - i, fmt::format("t/{}", i));
  const Lines units = said({"t/", "and "});
  ASSERT_EQ(units.size(), 21U);
  EXPECT_TRUE(units.front().starts_with("t/99 "));
  EXPECT_EQ(units.back(), "and 80 units more, which hold nothing back");
}

}  // namespace
}  // namespace streamutils::swatermark
