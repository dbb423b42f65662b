// SPDX-License-Identifier: Apache-2.0
// Windows that the watermark does not fire: of N records, and of all time.
#include <limits>

#include "lib/window/saved_windows.hpp"
#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

WindowSettings counted(int64_t count) {
  WindowSettings s = plain_settings();
  s.kind = WindowKind::count;
  s.size = s.slide = Duration{};
  s.count = count;
  s.time_format = TimeFormat::us;
  return s;
}

WindowSettings global() {
  WindowSettings s = plain_settings();
  s.kind = WindowKind::global;
  s.size = s.slide = Duration{};
  return s;
}

class CountAndGlobalTest : public OperatorTest {
 protected:
  std::string save() {
    StateWriter out;
    EXPECT_TRUE(op_->snapshot(out).ok());
    return out.bytes();
  }
  Status restart(const WindowSettings& settings) {
    const std::string saved = save();
    make(settings);
    StateReader in(saved);
    return op_->restore(in);
  }
  std::string refused(const WindowSettings& settings) {
    const auto made = WindowOperator::create(settings, context_);
    if (made.ok()) return "";
    EXPECT_EQ(made.status().exit_code(), 2);
    return std::string(made.status().message());
  }
};

TEST_F(CountAndGlobalTest, AWindowOfNRecordsIsWrittenWithItsLast) {
  make(counted(2));
  EXPECT_EQ(out_.open.keys, (std::vector<std::string>{"k", "window_number"})) << "they tell equal bounds apart";
  at(7);
  record(R"({"t":1,"k":"b"})");
  EXPECT_EQ(take(), Lines());
  at(3);
  EXPECT_EQ(
      take(),
      Lines{
          R"({"window_start":3000000,"window_end":7000001,"window_number":0,"k":"a","n":2,"firing":"on-time","revision":0})"});
  watermark(100);
  at(3);
  at(3);
  EXPECT_EQ(
      take(),
      (Lines{
          R"({"$stream":"watermark","unit":"-","time":"1970-01-01T00:01:40Z"})",
          R"({"window_start":3000000,"window_end":3000001,"window_number":1,"k":"a","n":2,"firing":"on-time","revision":0})"}))
      << "nothing is late";
  at(0);
  end();
  EXPECT_EQ(
      take(),
      (Lines{
          R"({"window_start":0,"window_end":1,"window_number":2,"k":"a","n":1,"firing":"on-time","revision":0})",
          R"({"window_start":1000000,"window_end":1000001,"window_number":0,"k":"b","n":1,"firing":"on-time","revision":0})",
          R"({"$stream":"end","fire":true})"}));
}

TEST_F(CountAndGlobalTest, CountedWindowsGoOnAfterARestart) {
  make(counted(3));
  at(1);
  at(2);
  at(3);
  at(4);
  ASSERT_TRUE(restart(counted(3)).ok());
  take();
  at(5);
  at(6);
  EXPECT_EQ(
      take(),
      Lines{
          R"({"window_start":4000000,"window_end":6000001,"window_number":1,"k":"a","n":3,"firing":"on-time","revision":0})"});
  ASSERT_TRUE(restart(counted(3)).ok()) << "with a key that has no open window";
  for (const int t : {7, 8, 9}) at(t);
  EXPECT_NE(take().back().find(R"("window_number":2)"), std::string::npos);
  const Status other = restart(counted(2));
  EXPECT_EQ(other.exit_code(), 2);
  EXPECT_NE(other.message().find("--count 3, this start has --count 2"), std::string_view::npos) << other.message();
}

TEST_F(CountAndGlobalTest, NumbersAreKeptUnderTheLimitOfKeys) {
  WindowSettings s = counted(1);
  s.max_keys = 1;
  make(s);
  at(1);
  record(R"({"t":1,"k":"b"})");
  const Lines lines = take();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[1].find("too_many_keys"), std::string::npos) << lines[1];
}

TEST_F(CountAndGlobalTest, ATimeWithoutASuccessorHasNoWindow) {
  make(counted(1));
  builder_.clear(0);
  const int64_t last = std::numeric_limits<int64_t>::max();
  builder_.append(R"({"k":"a"})", &last);
  EXPECT_TRUE(op_->on_records(builder_.batch(), out_).ok());
  EXPECT_NE(take().front().find("bad_time"), std::string::npos);
}

TEST_F(CountAndGlobalTest, OneWindowForAllTime) {
  make(global());
  EXPECT_FALSE(out_.open.time) << "its results have no event time";
  at(1);
  watermark(1000);
  at(2);
  record(R"({"t":-5,"k":"b"})");
  take();
  end();
  EXPECT_EQ(take(), (Lines{R"({"window_start":null,"window_end":null,"k":"a","n":2,"firing":"on-time","revision":0})",
                           R"({"window_start":null,"window_end":null,"k":"b","n":1,"firing":"on-time","revision":0})",
                           R"({"$stream":"end","fire":true})"}));
}

TEST_F(CountAndGlobalTest, EarlyResultsOfAllTimeAreOfKeysThatChanged) {
  WindowSettings s = global();
  s.early = Duration{kSecond};
  make(s);
  at(1);
  record(R"({"t":1,"k":"b"})");
  const auto tick = [&] {
    clock_.advance(Duration{kSecond});
    ASSERT_TRUE(op_->on_deadline(out_).ok());
  };
  tick();
  EXPECT_EQ(take(), (Lines{R"({"window_start":null,"window_end":null,"k":"a","n":1,"firing":"early","revision":0})",
                           R"({"window_start":null,"window_end":null,"k":"b","n":1,"firing":"early","revision":0})"}));
  at(2);
  ASSERT_TRUE(restart(s).ok()) << "what has changed is in the checkpoint";
  take();
  tick();
  EXPECT_EQ(take(), Lines{R"({"window_start":null,"window_end":null,"k":"a","n":2,"firing":"early","revision":1})"});
  tick();
  EXPECT_EQ(take(), Lines());
  end();
  EXPECT_EQ(take(), (Lines{R"({"window_start":null,"window_end":null,"k":"a","n":2,"firing":"on-time","revision":2})",
                           R"({"window_start":null,"window_end":null,"k":"b","n":1,"firing":"on-time","revision":1})",
                           R"({"$stream":"end","fire":true})"}));
  const Status other = restart(plain_settings());
  EXPECT_NE(other.message().find("with --global, this start has --tumbling 10s"), std::string_view::npos)
      << other.message();
}

TEST_F(CountAndGlobalTest, SavedWindowsCanBeLookedAt) {
  const auto look = [this] {
    const auto saved = open_saved_windows(save(), context_);
    EXPECT_TRUE(saved.ok()) << saved.status().message();
    Lines lines;
    EXPECT_TRUE((*saved)
                    ->visit_windows([&](const WindowOperator::View& v) {
                      lines.push_back(fmt::format("{} [{},{}) {} {} {}", v.key[0], v.window.start, v.window.end,
                                                  v.aggregates, v.next_revision, v.number ? int(*v.number) : -1));
                      return Status();
                    })
                    .ok());
    return lines;
  };
  make(counted(2));
  for (const int t : {1, 2, 3}) at(t);
  EXPECT_EQ(look(), Lines{R"("a" [3000000,3000001) ,"n":1 0 1)"});
  make(global());
  at(1);
  EXPECT_EQ(look(), Lines{fmt::format(R"("a" [{},{}) ,"n":1 0 -1)", kBeforeAll.us, kAfterAll.us)});
}

TEST_F(CountAndGlobalTest, WhatMakesNoSenseIsRefused) {
  const auto with = [](WindowSettings s, auto change) {
    change(s);
    return s;
  };
  EXPECT_NE(refused(counted(0)).find("--count must be at least 1"), std::string::npos);
  EXPECT_NE(refused(with(counted(2), [](auto& s) { s.time_format = TimeFormat::s; })).find("--time-format"),
            std::string::npos);
  EXPECT_NE(refused(with(counted(2), [](auto& s) { s.allowed_lateness.us = 1; })).find("--allowed-lateness"),
            std::string::npos);
  EXPECT_NE(refused(with(counted(2), [](auto& s) { s.early = Duration{1}; })).find("--early"), std::string::npos);
  EXPECT_NE(refused(with(counted(2), [](auto& s) { s.keys = {"window_number"}; })).find("--key"), std::string::npos);
  EXPECT_NE(refused(with(global(), [](auto& s) { s.allowed_lateness.us = 1; })).find("--allowed-lateness"),
            std::string::npos);
  EXPECT_NE(refused(with(global(), [](auto& s) { s.offset.us = 1; })).find("--offset"), std::string::npos);
  EXPECT_EQ(refused(with(plain_settings(), [](auto& s) { s.keys = {"window_number"}; })), "");
}

}  // namespace
}  // namespace streamutils::window
