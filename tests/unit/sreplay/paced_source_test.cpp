// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/paced_source.hpp"

#include <gtest/gtest.h>

#include <charconv>

#include "tests/unit/sreplay/recorder.hpp"

namespace streamutils::sreplay {
namespace {

using Strings = std::vector<std::string>;
constexpr int64_t kSecond = 1'000'000;

/// Gives one step of a script at each poll. A record is its time in seconds, "x" has none.
class ScriptedSource final : public Source {
 public:
  struct Step {
    Strings records;
    std::optional<Control> item;
  };
  ScriptedSource(std::vector<Step> steps, UnitId unit) : steps_(std::move(steps)), unit_(unit) {}

  Result<State> poll(Output& out, const Waiter& waiter, Duration) override {
    if (waiter.stop_requested() && next_ == 0) {
      STREAM_TRY(out.control(Open{}));
      STREAM_TRY(out.control(End{.fire = false}));
      return State::finished;
    }
    if (next_ == steps_.size()) return State::empty;
    const Step& step = steps_[next_++];
    if (!step.records.empty()) {
      BatchBuilder batch;
      batch.clear(unit_);
      for (const std::string& record : step.records) batch.append(record);
      STREAM_TRY(out.records(batch.batch()));
    }
    if (step.item) STREAM_TRY(out.control(*step.item));
    return step.item && std::holds_alternative<End>(*step.item) ? State::finished : State::delivered;
  }

 private:
  std::vector<Step> steps_;
  UnitId unit_;
  size_t next_ = 0;
};

std::optional<int64_t> time_of(const Batch& batch, size_t i) {
  const std::string_view text = batch.record(i);
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc()) return std::nullopt;
  return seconds > 9e12 ? std::numeric_limits<int64_t>::max() : seconds * kSecond;
}

class PacedSourceTest : public ::testing::Test {
 protected:
  void start(double speed, std::vector<ScriptedSource::Step> steps) {
    steps.insert(steps.begin(), {{}, Open{}});
    source_ = std::make_unique<PacedSource>(std::make_unique<ScriptedSource>(std::move(steps), world_.units.id("f")),
                                            speed, time_of, world_.clock);
  }
  /// Polls without waiting until nothing comes; the last state.
  Source::State poll() {
    for (int i = 0; i < 1000; ++i) {
      const auto state = source_->poll(recorder_, world_.waiter, Duration{0});
      EXPECT_TRUE(state.ok());
      if (*state != Source::State::delivered) return *state;
    }
    ADD_FAILURE() << "it never rests";
    return Source::State::empty;
  }
  void advance(int64_t us) { world_.clock.advance(Duration{us}); }
  Strings data() {
    Strings out;
    for (const std::string& item : recorder_.data()) out.push_back(item.substr(item.find(' ') + 1));
    return out;
  }
  [[nodiscard]] const std::string& last() const { return recorder_.items.back(); }

  FakeWorld world_;
  Recorder recorder_{world_.units};
  std::unique_ptr<PacedSource> source_;
};

const Control kEnd = End{.fire = true};

TEST_F(PacedSourceTest, GivesRecordsWhenTheyAreDue) {
  start(1, {{{"100", "101", "103"}, {}}, {{"104"}, kEnd}});
  EXPECT_EQ(poll(), Source::State::empty);
  EXPECT_EQ(data(), Strings{"100"});
  advance(kSecond - 1);
  EXPECT_EQ(poll(), Source::State::empty);
  EXPECT_EQ(data(), Strings{"100"});
  advance(1);
  EXPECT_EQ(poll(), Source::State::empty);
  EXPECT_EQ(data(), (Strings{"100", "101"}));
  advance(2 * kSecond);
  EXPECT_EQ(poll(), Source::State::empty);
  EXPECT_EQ(data(), (Strings{"100", "101", "103"}));
  advance(kSecond);
  EXPECT_EQ(poll(), Source::State::finished);
  EXPECT_EQ(data(), (Strings{"100", "101", "103", "104"}));
  EXPECT_EQ(last(), R"({"$stream":"end","fire":true})");
  EXPECT_EQ(poll(), Source::State::finished);
}

// A record that was due used to be given and then waited upon, unflushed, until the next one was due.
TEST_F(PacedSourceTest, WhatIsGivenIsNotWaitedUpon) {
  start(1, {{{"0", "10", "1000000"}, kEnd}});
  EXPECT_EQ(poll(), Source::State::empty);
  advance(10 * kSecond);
  const auto state = source_->poll(recorder_, world_.waiter, Duration{-1});  // would wait for days
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(*state, Source::State::delivered);
  EXPECT_EQ(data().back(), "10");
}

TEST_F(PacedSourceTest, SpeedDividesThePace) {
  start(10, {{{"0", "10", "20"}, kEnd}});
  poll();
  advance(kSecond);
  poll();
  EXPECT_EQ(data(), (Strings{"0", "10"}));
  advance(kSecond);
  EXPECT_EQ(poll(), Source::State::finished);
}

TEST_F(PacedSourceTest, ThePastAndRecordsWithoutTimeAreDueAtOnceAndKeepTheirPlaces) {
  start(1, {{{"x", "10", "3", "x", "12", "x", "5"}, kEnd}});
  poll();
  EXPECT_EQ(data(), (Strings{"x", "10", "3", "x"}));
  advance(2 * kSecond);
  EXPECT_EQ(poll(), Source::State::finished);
  EXPECT_EQ(data(), (Strings{"x", "10", "3", "x", "12", "x", "5"}));
}

TEST_F(PacedSourceTest, ControlItemsAndSideRecordsKeepTheirPlaces) {
  const UnitId unit = world_.units.id("f");
  std::string bytes = "broken";
  SideRecord side{.label = "invalid", .reason = "too_large", .unit = unit, .offset = 2, .record = bytes};
  start(1, {{{"0", "1"}, side}, {{}, CaughtUp{unit, true}}, {{"2"}, kEnd}});
  poll();
  bytes = "XXXXXX";
  EXPECT_EQ(recorder_.items.size(), 2U) << "open, 0";
  advance(kSecond);
  poll();
  EXPECT_EQ(data(), (Strings{"0", "1", "f@2 too_large"}));
  EXPECT_EQ(last(), R"({"$stream":"caught-up","unit":"f"})");
}

TEST_F(PacedSourceTest, AStopEndsWithoutFireAlthoughTheInnerSourceHasFinished) {
  // The whole input was held already: the stop used to be overlooked until the last record was due.
  start(1, {{{"0", "1000000"}, kEnd}});
  EXPECT_EQ(poll(), Source::State::empty);
  world_.stop.request();
  EXPECT_EQ(poll(), Source::State::finished);
  EXPECT_EQ(data(), Strings{"0"});
  EXPECT_EQ(last(), R"({"$stream":"end","fire":false})");
  EXPECT_EQ(poll(), Source::State::finished);
}

TEST_F(PacedSourceTest, AStopBeforeAnythingGivesOpenAndEnd) {
  start(1, {{{"0"}, kEnd}});
  world_.stop.request();
  EXPECT_EQ(poll(), Source::State::finished);
  EXPECT_EQ(recorder_.items, (Strings{"open", R"({"$stream":"end","fire":false})"}));
}

TEST_F(PacedSourceTest, TimesAtTheEndsOfTimeDoNotOverflow) {
  start(0.001, {{{"-9000000000000", "9999999999999", "7"}, kEnd}});
  poll();
  EXPECT_EQ(data(), Strings{"-9000000000000"});
  advance(int64_t{3'200'000'000} * kSecond);
  EXPECT_EQ(poll(), Source::State::finished);
}

}  // namespace
}  // namespace streamutils::sreplay
