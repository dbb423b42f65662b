// SPDX-License-Identifier: Apache-2.0
// Saving and restoring swatermark: what was late stays late, whatever the options are now.
#include <gtest/gtest.h>

#include "lib/stream/control_json.hpp"
#include "tools/swatermark/swatermark.hpp"

namespace streamutils::swatermark {
namespace {

class LineOutput final : public Output {
 public:
  explicit LineOutput(const Units& units) : units_(units) {}
  Status records(const Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) lines.emplace_back(batch.record(i));
    return {};
  }
  Status control(const Control& item) override {
    if (const auto* w = std::get_if<Watermark>(&item)) {
      lines.push_back(fmt::format("{} W {}", units_.name(w->unit), w->time.us / 1'000'000));
    } else if (const auto* idle = std::get_if<Idle>(&item)) {
      lines.push_back(fmt::format("{} {}", units_.name(idle->unit), idle->idle ? "idle" : "active"));
    }
    return {};
  }
  std::vector<std::string> lines;

 private:
  const Units& units_;
};

class LineLog final : public Log {
 public:
  void write(Level, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

using Lines = std::vector<std::string>;
constexpr Duration kTenSeconds{10'000'000};

class SwatermarkRestoreTest : public ::testing::Test {
 protected:
  SwatermarkRestoreTest() {
    options_.time_field = "t";
    options_.step = Duration{0};
    make();
  }
  void make() {
    auto made = Swatermark::create(options_, context_);
    ASSERT_TRUE(made.ok());
    op_ = *std::move(made);
  }
  std::string save() {
    StateWriter out;
    EXPECT_TRUE(op_->snapshot(out).ok());
    return out.bytes();
  }
  Status restart() {
    const std::string saved = save();
    make();
    out_.lines.clear();
    log_.lines.clear();
    StateReader in(saved);
    return op_->restore(in);
  }
  void at(int64_t seconds, std::string_view unit = "t/0") {
    builder_.clear(units_.id(unit));
    builder_.append(fmt::format(R"({{"t":{}}})", seconds));
    EXPECT_TRUE(op_->on_records(builder_.batch(), out_).ok());
  }
  void caught_up(std::string_view unit) {
    EXPECT_TRUE(op_->on_caught_up(CaughtUp{units_.id(unit), true}, out_).ok());
    clock_.advance(options_.idle_after);
    EXPECT_TRUE(op_->on_deadline(out_).ok());
  }
  Lines watermarks() {
    Lines found;
    for (const std::string& line : std::exchange(out_.lines, {})) {
      if (line.front() != '{') found.push_back(line);
    }
    return found;
  }

  Options options_;
  FakeClock clock_;
  LineLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  LineOutput out_{units_};
  BatchBuilder builder_;
  std::unique_ptr<Swatermark> op_;
};

TEST_F(SwatermarkRestoreTest, GoesOnWhereItWas) {
  at(1700000100);
  at(1700000050, "t/1");
  ASSERT_TRUE(restart().ok());
  at(1700000090);
  at(1700000101);
  at(1700000051, "t/1");
  EXPECT_EQ(watermarks(), (Lines{"t/0 W 1700000101", "t/1 W 1700000051"}));
  EXPECT_EQ(log_.lines, Lines());
}

TEST_F(SwatermarkRestoreTest, AWiderBoundHoldsWhatStands) {
  at(1700000100);
  options_.bounded = kTenSeconds;
  ASSERT_TRUE(restart().ok());
  EXPECT_EQ(log_.lines,
            (Lines{"--bounded was 0s, is 10s: watermarks stay where they are until the records ask for more"}));
  at(1700000105);
  EXPECT_EQ(watermarks(), Lines()) << "never back";
  at(1700000111);
  EXPECT_EQ(watermarks(), (Lines{"t/0 W 1700000101"}));
}

TEST_F(SwatermarkRestoreTest, ANarrowerBoundRisesWithTheNextRecord) {
  options_.bounded = kTenSeconds;
  at(1700000100);
  options_.bounded = Duration{0};
  ASSERT_TRUE(restart().ok());
  at(1700000099);
  EXPECT_EQ(watermarks(), Lines());
  at(1700000101);
  EXPECT_EQ(watermarks(), (Lines{"t/0 W 1700000101"}));
}

// While nothing ran the unit may have got records: the others must not run ahead of them.
TEST_F(SwatermarkRestoreTest, AnIdleUnitIsActiveUntilItIsProvenIdleAgain) {
  at(1700000100);
  at(1700000050, "t/1");
  caught_up("t/1");
  ASSERT_TRUE(restart().ok());
  const std::string saved = save();
  ASSERT_TRUE(restart().ok());
  EXPECT_EQ(save(), saved) << "a snapshot before the first item is the same";
  at(1700000101);
  EXPECT_EQ(watermarks(), (Lines{"t/1 active", "t/0 W 1700000101"}));
  caught_up("t/1");
  EXPECT_EQ(watermarks(), (Lines{"t/1 idle"}));
}

TEST_F(SwatermarkRestoreTest, AnotherFieldOrUnitOfTimeIsRefused) {
  at(1700000100);
  options_.time_field = "u";
  options_.time_unit = TimeUnit::ms;
  const Status status = restart();
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_EQ(
      status.message(),
      "the checkpoint was made with --time t, --time-unit auto, this start has --time u, --time-unit ms; start over "
      "with --fresh, or use the old options");
}

TEST_F(SwatermarkRestoreTest, CutOrLongerBytesAreRefused) {
  at(1700000100);
  at(1700000050, "t/1");
  const std::string saved = save();
  for (size_t size = 0; size < saved.size(); ++size) {
    make();
    StateReader in(std::string_view(saved).substr(0, size));
    EXPECT_FALSE(op_->restore(in).ok()) << size;
  }
  make();
  const std::string longer = saved + '\0';
  StateReader in(longer);
  EXPECT_FALSE(op_->restore(in).ok());
}

}  // namespace
}  // namespace streamutils::swatermark
