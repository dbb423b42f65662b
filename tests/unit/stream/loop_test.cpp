// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/loop.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "lib/stream/context.hpp"
#include "tests/helpers/item_recorder.hpp"

namespace streamutils {
namespace {

/// Gives what its steps give; a step that returns State::empty stands for a wait, during which the clock moves by the
/// timeout.
class ScriptedSource final : public Source {
 public:
  using Step = std::function<Result<State>(Output&)>;
  ScriptedSource(FakeClock& clock, std::deque<Step> steps) : clock_(clock), steps_(std::move(steps)) {}

  Result<State> poll(Output& out, const Waiter&, Duration timeout) override {
    timeouts.push_back(timeout.us);
    if (timeout.us > 0) clock_.advance(timeout);
    if (steps_.empty()) return State::finished;
    Step step = std::move(steps_.front());
    steps_.pop_front();
    return step(out);
  }
  std::vector<int64_t> timeouts;

 private:
  FakeClock& clock_;
  std::deque<Step> steps_;
};

class RecordingTerminal final : public Terminal {
 public:
  explicit RecordingTerminal(const Units& units) : recorder(units) {}
  Status records(const Batch& batch) override { return fail_with ? fail_with->clone() : recorder.records(batch); }
  Status control(const Control& item) override { return recorder.control(item); }
  Status flush() override {
    recorder.items.emplace_back("flush");
    return {};
  }
  ItemRecorder recorder;
  std::optional<Status> fail_with;
};

class Loops : public testing::Test {
 protected:
  static ScriptedSource::Step give(Control item) {
    return [item](Output& out) -> Result<Source::State> {
      STREAM_TRY(out.control(item));
      return Source::State::delivered;
    };
  }
  static ScriptedSource::Step give_record(std::string_view record) {
    return [record](Output& out) -> Result<Source::State> {
      BatchBuilder batch;
      batch.clear(0);
      batch.append(record);
      STREAM_TRY(out.records(batch.batch()));
      return Source::State::delivered;
    };
  }
  static Result<Source::State> nothing(Output&) { return Source::State::empty; }

  Status run(Operator& op, std::deque<ScriptedSource::Step> steps) {
    ScriptedSource source(clock, std::move(steps));
    const LoopStage stage{op, context, "prog", checkpoint, strict};
    LoopEnd end = run_loop(source, std::span(&stage, 1), terminal, waiter, settings);
    timeouts = source.timeouts;
    return std::move(end.status);
  }
  [[nodiscard]] double counted(std::string_view name, const Labels& labels = {}) {
    return metrics.counter(name, "", labels).value();
  }

  FakeClock clock;
  NullLog log;
  Metrics metrics;
  Units units;
  Context context{clock, log, metrics, units};
  StopFlag stop;
  Waiter waiter{stop, -1};
  RecordingTerminal terminal{units};
  bool strict = false;
  std::string checkpoint;
  LoopSettings settings;
  std::vector<int64_t> timeouts;
};

using Items = std::vector<std::string>;

TEST_F(Loops, AddsTheStageAndFlushesBeforeItWaits) {
  Operator forward;
  ASSERT_TRUE(run(forward, {give(Open{}), nothing, give(End{})}).ok());
  EXPECT_EQ(terminal.recorder.items,
            (Items{R"({"$stream":"open","version":1,"run":"","stages":[{"path":"1","program":"prog"}]})", "flush",
                   R"({"$stream":"end","fire":true})", "flush"}));
}

TEST_F(Loops, PathsFollowTheLastStage) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "1"},
      {{"1"}, "2"},
      {{"1", "9"}, "10"},
      {{"3", "3.late.0"}, "3.late.1"},
      {{"3", "3.copy1.0", "3.copy1.19"}, "3.copy1.20"},
      {{"3", "3.late.1", "3.copy1.1"}, "4"},
      {{"3", "3.late.0", "3.late.1", "3.late.1.copy1.1"}, "3.late.2"},
      {{"3", "3.late.0", "3.late.1", "3.late.1.copy1.0"}, "3.late.1.copy1.1"}};
  for (const auto& [paths, wanted] : cases) {
    Open open;
    for (const std::string& path : paths) open.stages.push_back({path, "x", false, ""});
    terminal.recorder.items.clear();
    Operator forward;
    ASSERT_TRUE(run(forward, {give(open)}).ok());
    EXPECT_NE(terminal.recorder.items[0].find(fmt::format(R"({{"path":"{}","program":"prog"}}])", wanted)),
              std::string::npos)
        << terminal.recorder.items[0];
  }
}

TEST_F(Loops, SaysWhatKeepsState) {
  struct Stateful : Operator {
    [[nodiscard]] bool stateful() const override { return true; }
  } op;
  checkpoint = "/store";
  ASSERT_TRUE(run(op, {give(Open{})}).ok());
  EXPECT_NE(terminal.recorder.items[0].find(R"("stateful":true,"checkpoint":"/store")"), std::string::npos);
}

TEST_F(Loops, Counts) {
  struct Halve : Operator {
    bool keep = false;
    Status on_records(const Batch& batch, Output& out) override {
      return (keep = !keep) ? out.records(batch) : Status();
    }
  } op;
  SideRecord late{.label = "late", .reason = "r"}, invalid{.label = "invalid", .reason = "not_json"};
  ASSERT_TRUE(run(op, {give(Open{}), give_record("{}"), give_record("{}"), give_record("{}"), give(late), give(invalid),
                       give(late), give(End{})})
                  .ok());
  EXPECT_EQ(counted("stream_records_in_total"), 3);
  EXPECT_EQ(counted("stream_records_out_total"), 2);
  EXPECT_EQ(counted("stream_side_records_total", {{"label", "late"}}), 2);
  EXPECT_EQ(counted("stream_side_records_total", {{"label", "invalid"}}), 1);
}

TEST_F(Loops, StrictEndsAtTheFirstInvalidRecord) {
  strict = true;
  Operator forward;
  SideRecord late{.label = "late", .reason = "r"};
  SideRecord invalid{.label = "invalid", .reason = "not_json", .unit = units.id("t/1"), .offset = 4};
  const Status status = run(forward, {give(Open{}), give_record("{}"), give(late), give(invalid), give_record("[]")});
  EXPECT_EQ(status.code(), Code::bad_data);
  EXPECT_EQ(status.message(), "t/1@4: invalid record: not_json");
  ASSERT_EQ(terminal.recorder.items.size(), 4U);  // open, record, late, and what was finished is flushed
  EXPECT_EQ(terminal.recorder.items[1], "- {}");
  EXPECT_EQ(terminal.recorder.items[3], "flush");
}

TEST_F(Loops, DeadlinesComeWhenTheyAreDueAndNotBefore) {
  struct Timed : Operator {
    explicit Timed(FakeClock& c) : clock(c) {}
    FakeClock& clock;
    std::optional<MonoTime> next;
    std::vector<int64_t> called;
    Status on_records(const Batch&, Output&) override {
      next = clock.mono() + Duration{5'000'000};
      return {};
    }
    [[nodiscard]] std::optional<MonoTime> deadline() const override { return next; }
    Status on_deadline(Output& out) override {
      called.push_back(clock.mono().us);
      next.reset();
      return out.control(Idle{});
    }
  } op(clock);
  ASSERT_TRUE(run(op, {give(Open{}), give_record("{}"), nothing, nothing, give(End{})}).ok());
  EXPECT_EQ(op.called, std::vector<int64_t>{5'000'000});
  // Nothing there: wait for the deadline. It was called and nothing is there: wait without a bound.
  EXPECT_EQ(timeouts, (std::vector<int64_t>{0, 0, 0, 5'000'000, -1, 0}));
}

TEST_F(Loops, ADeadlineIsKeptUnderLoad) {
  struct Timed : Operator {
    int called = 0;
    [[nodiscard]] std::optional<MonoTime> deadline() const override {
      return called ? std::nullopt : std::optional(MonoTime{1'000});
    }
    Status on_deadline(Output&) override {
      ++called;
      return {};
    }
  } op;
  const auto busy = [this](Output&) -> Result<Source::State> {
    clock.advance(Duration{600});
    return Source::State::delivered;
  };
  ASSERT_TRUE(run(op, {give(Open{}), busy, busy, busy, give(End{})}).ok());
  EXPECT_EQ(op.called, 1);
}

TEST_F(Loops, EverySecondAndAtTheEnd) {
  std::vector<int64_t> called;
  settings.every_second = [&] { called.push_back(clock.mono().us); };
  Operator forward;
  const auto busy = [this](Output&) -> Result<Source::State> {
    clock.advance(Duration{700'000});
    return Source::State::delivered;
  };
  ASSERT_TRUE(run(forward, {give(Open{}), busy, busy, nothing, nothing, busy, give(End{})}).ok());
  EXPECT_EQ(called, (std::vector<int64_t>{1'400'000, 2'400'000, 4'100'000, 4'100'000}));
}

TEST_F(Loops, AFailureIsTheFirstOneAndADeadReaderIsNotWrittenTo) {
  Operator forward;
  terminal.fail_with = failed("disk full");
  EXPECT_EQ(run(forward, {give(Open{}), give_record("{}")}).message(), "disk full");
  EXPECT_EQ(terminal.recorder.items.back(), "flush");
  terminal.recorder.items.clear();
  terminal.fail_with = Status(Code::broken_pipe, "gone");
  EXPECT_EQ(run(forward, {give(Open{}), give_record("{}")}).code(), Code::broken_pipe);
  EXPECT_EQ(terminal.recorder.items.size(), 1U);
}

TEST_F(Loops, FeedChainsOperators) {
  Operator first, second;
  Feed feed(second, terminal);
  Feed chain(first, feed);
  ASSERT_TRUE(chain.control(Revoke{}).ok());
  EXPECT_EQ(terminal.recorder.items, Items{R"({"$stream":"revoke","unit":"-"})"});
}

}  // namespace
}  // namespace streamutils
