// SPDX-License-Identifier: Apache-2.0
// --fill: results of windows without records.
#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

class FillTest : public OperatorTest {
 protected:
  static WindowSettings filled(int64_t longest_s = 1000) {
    WindowSettings s = plain_settings();
    s.fill = "0";
    s.fill_for = Duration{longest_s * kSecond};
    return s;
  }
  Status restart(const WindowSettings& settings) {
    StateWriter saved;
    EXPECT_TRUE(op_->snapshot(saved).ok());
    make(settings);
    StateReader in(saved.bytes());
    return op_->restore(in);
  }
  double keys() { return metrics_.gauge("stream_keys", "").value(); }
};

TEST_F(FillTest, AGapIsWrittenWithTheResultThatEndsIt) {
  make(filled());
  at(5);
  watermark(30);
  EXPECT_EQ(results(), Lines{"[0,10) 1 on-time 0"});
  at(45);
  watermark(50);
  EXPECT_EQ(results(),
            (Lines{"[10,20) 0 on-time 0", "[20,30) 0 on-time 0", "[30,40) 0 on-time 0", "[40,50) 1 on-time 0"}));
  at(55);
  end();
  EXPECT_EQ(results(), Lines{"[50,60) 1 on-time 0"});
  EXPECT_EQ(keys(), 0);
}

TEST_F(FillTest, GapsOfOneCallAreInOrderOfEndThenKey) {
  make(filled());
  for (const auto& [t, key] : {std::pair{1, "b"}, {31, "b"}, {2, "a"}, {21, "c"}, {32, "a"}}) {
    record(fmt::format(R"({{"t":{},"k":"{}"}})", t, key));
  }
  end();
  std::string order;
  for (const std::string& line : take()) {
    int start = 0, n = 0;
    char key = 0;
    if (std::sscanf(line.c_str(), R"({"window_start":%d,"window_end":%*d,"k":"%c","n":%d)", &start, &key, &n) == 3) {
      order += fmt::format("{}{}{} ", start, key, n);
    }
  }
  EXPECT_EQ(order, "0a1 0b1 10a0 10b0 20a0 20b0 20c1 30a1 30b1 ");
}

TEST_F(FillTest, ALateRecordCorrectsAFilledWindow) {
  WindowSettings s = filled();
  s.allowed_lateness = Duration{100 * kSecond};
  make(s);
  at(5);
  at(35);
  watermark(40);
  EXPECT_EQ(results().size(), 4u);
  at(15);
  EXPECT_EQ(results(), Lines{"[10,20) 1 late 1"}) << "it replaces revision 0";
  at(-15);
  EXPECT_EQ(results(), (Lines{"[-20,-10) 1 late 0", "[-10,0) 0 on-time 0"})) << "the gap behind it";
  at(55);
  watermark(90);
  take();
  at(75);
  EXPECT_EQ(results(), (Lines{"[60,70) 0 on-time 0", "[70,80) 1 late 0"}));
}

TEST_F(FillTest, AWindowWithRecordsThatWaitsForItsCorrectionIsNotFilled) {
  WindowSettings s = filled();
  s.allowed_lateness = Duration{100 * kSecond};
  s.late_fire = Duration{50 * kSecond};
  make(s);
  at(5);
  watermark(42);
  take();
  at(15);  // due at 50
  watermark(49);
  at(47);
  EXPECT_EQ(results(), Lines());
  watermark(50);
  EXPECT_EQ(results(),
            (Lines{"[10,20) 1 late 0", "[20,30) 0 on-time 0", "[30,40) 0 on-time 0", "[40,50) 1 on-time 0"}));
}

TEST_F(FillTest, ALongerGapIsLeftAndItsKeyForgotten) {
  make(filled(20));
  at(5);
  watermark(30);
  EXPECT_EQ(keys(), 1) << "a window that begins at 30 could still end a gap of 20 s";
  watermark(40);
  EXPECT_EQ(keys(), 0);
  at(45);
  watermark(50);
  at(75);
  watermark(80);
  EXPECT_EQ(results(), (Lines{"[0,10) 1 on-time 0", "[40,50) 1 on-time 0", "[50,60) 0 on-time 0", "[60,70) 0 on-time 0",
                              "[70,80) 1 on-time 0"}));
}

TEST_F(FillTest, AGapBeyondAllMeasureIsLeft) {
  WindowSettings s = plain_settings();
  s.fill = "0";
  s.size = s.slide = Duration{kSecond};
  make(s);
  at(-4'000'000'000);
  at(4'000'000'000);
  at(4'000'000'999);
  end();
  EXPECT_EQ(results().size(), 1u + 1000) << "a thousand windows unless told otherwise";
}

TEST_F(FillTest, RememberedKeysCountAsHeld) {
  WindowSettings s = filled(20);
  s.max_keys = 1;
  make(s);
  at(5);
  watermark(30);
  record(R"({"t":31,"k":"b"})");
  EXPECT_EQ(results().back(), "invalid");
  at(32);
  EXPECT_EQ(results(), Lines()) << "the key that is held goes on";
  watermark(90);
  record(R"({"t":91,"k":"b"})");
  EXPECT_EQ(results(), (Lines{"[10,20) 0 on-time 0", "[20,30) 0 on-time 0", "[30,40) 1 on-time 0"}));
}

TEST_F(FillTest, GapsGoOnAfterARestart) {
  make(filled());
  at(5);
  watermark(30);
  ASSERT_TRUE(restart(filled()).ok());
  EXPECT_EQ(keys(), 1);
  at(35);
  end();
  EXPECT_EQ(results(),
            (Lines{"[0,10) 1 on-time 0", "[10,20) 0 on-time 0", "[20,30) 0 on-time 0", "[30,40) 1 on-time 0"}));
  make(filled());
  EXPECT_EQ(restart(plain_settings()).exit_code(), 2);
  make(filled());
  EXPECT_EQ(restart(filled(7)).exit_code(), 2);
}

TEST_F(FillTest, EveryAggregateHasTheValueAndConditionsSeeIt) {
  WindowSettings s = filled();
  s.fill = R"("none")";
  s.aggregates = "n=count(), m=max(x), twice=n*2";
  s.having = "n != 'none' || k == 'a'";
  make(s);
  for (const char* key : {"a", "b"}) {
    for (const int t : {1, 21}) record(fmt::format(R"({{"t":{},"k":"{}","x":7}})", t, key));
  }
  end();
  const Lines lines = take();
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(
      lines[2],
      R"({"window_start":10,"window_end":20,"k":"a","n":"none","m":"none","twice":"none","firing":"on-time","revision":0})");
}

TEST_F(FillTest, DaysOfTheCalendarThatAreShorter) {
  WindowSettings s = filled();
  s.calendar = CalendarSpan::parse("1day");
  s.calendar->zone = "Europe/Berlin";
  s.size = s.slide = s.calendar->nominal();
  s.fill_for.reset();
  make(s);
  at(1711839600 - 1);          // 30 March 2024
  at(1711839600 + 23 * 3600);  // 1 April
  end();
  EXPECT_EQ(results(), (Lines{"[1711753200,1711839600) 1 on-time 0", "[1711839600,1711922400) 0 on-time 0",
                              "[1711922400,1712008800) 1 on-time 0"}));
}

TEST_F(FillTest, WhatIsWrongIsRefused) {
  const auto refused = [this](auto change) {
    WindowSettings s = filled();
    change(s);
    const auto made = WindowOperator::create(s, context_);
    return made.ok() ? "" : std::string(made.status().message());
  };
  EXPECT_EQ(refused([](auto&) {}), "");
  for (const char* value : {"", "x", "[]", "{}", " 1", "1 2", "\"open", "nul"}) {
    EXPECT_NE(refused([value](auto& s) { s.fill = value; }).find("--fill: "), std::string::npos) << value;
  }
  EXPECT_NE(refused([](auto& s) { s.slide.us /= 2; }).find("--fill goes with --tumbling"), std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.fill_for = Duration{0}; }).find("--fill-for: '0s'"), std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.fill.reset(); }).find("--fill-for goes with --fill"), std::string::npos);
}

}  // namespace
}  // namespace streamutils::window
