// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

TEST_F(OperatorTest, ResultsPrecedeTheWatermarkInOrderOfKeyBytes) {
  make(plain_settings());
  record(R"({"t":9,"k":"b"})");
  record(R"({"t":1,"k":"a"})");
  record(R"({"t":2,"k":null})");
  watermark(10);
  EXPECT_EQ(take(), (Lines{R"({"window_start":0,"window_end":10,"k":"a","n":1,"firing":"on-time","revision":0})",
                           R"({"window_start":0,"window_end":10,"k":"b","n":1,"firing":"on-time","revision":0})",
                           R"({"window_start":0,"window_end":10,"k":null,"n":1,"firing":"on-time","revision":0})",
                           R"({"$stream":"watermark","unit":"-","time":"1970-01-01T00:00:10Z"})"}));
}

TEST_F(OperatorTest, OpenTellsWhereTheTimeOfResultsIs) {
  WindowSettings s = plain_settings();
  s.keys = {"a.b", R"(c\.d)"};
  s.allowed_lateness = Duration{5 * kSecond};
  make(s);
  EXPECT_EQ(out_.open.time, (TimeField{"window_end", TimeUnit::s, Duration{-1}}));
  EXPECT_EQ(out_.open.keys, (std::vector<std::string>{R"(a\.b)", R"(c\.d)"}))
      << "as paths into results, whose names have dots";
  EXPECT_TRUE(out_.open.results);
  EXPECT_EQ(out_.open.lateness.us, 6 * kSecond);
  record(R"({"t":1,"a":{"b":1},"c.d":2})");
  end();
  EXPECT_EQ(take().front(),
            R"({"window_start":0,"window_end":10,"a.b":1,"c.d":2,"n":1,"firing":"on-time","revision":0})");
}

TEST_F(OperatorTest, AnInputWithoutEventTimesNamesTheRemedy) {
  auto op = WindowOperator::create(plain_settings(), context_);
  ASSERT_TRUE(op.ok());
  Open open;
  const Status status = (*op)->on_open(open, out_);
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find("put 'swatermark --time FIELD' before swindow"), std::string_view::npos);
  Open nothing;
  nothing.empty_input = true;
  const Status died = (*op)->on_open(nothing, out_);
  EXPECT_EQ(died.code(), Code::failed);
  EXPECT_EQ(died.message(), "the input is empty: the program before this one wrote nothing");
}

TEST_F(OperatorTest, AllowedLateness) {
  WindowSettings s = plain_settings();
  s.allowed_lateness = Duration{5 * kSecond};
  make(s);
  at(9);
  watermark(10);
  at(3);
  watermark(14);
  at(4);
  at(5);
  watermark(15);
  at(6);
  EXPECT_EQ(results(), (Lines{"[0,10) 1 on-time 0", "[0,10) 2 late 1", "[0,10) 3 late 2", "[0,10) 4 late 3", "late"}));
}

TEST_F(OperatorTest, LateFireBatchesCorrectionsByEventTime) {
  WindowSettings s = plain_settings();
  s.allowed_lateness = Duration{30 * kSecond};
  s.late_fire = Duration{7 * kSecond};
  make(s);
  at(9);
  watermark(10);
  at(3);
  at(4);
  watermark(13);
  EXPECT_EQ(results(), (Lines{"[0,10) 1 on-time 0"}));
  watermark(14);
  EXPECT_EQ(results(), (Lines{"[0,10) 3 late 1"}));
  at(5);
  watermark(40);  // gone, but not without its last correction
  EXPECT_EQ(results(), (Lines{"[0,10) 4 late 2"}));
}

TEST_F(OperatorTest, AKeyBeyondMaxKeysIsInvalidUntilAnotherIsForgotten) {
  for (const WindowKind kind : {WindowKind::aligned, WindowKind::session}) {
    WindowSettings s = plain_settings();
    s.kind = kind;
    s.time_format = TimeFormat::us;
    s.max_keys = 1;
    make(s);
    record(R"({"t":1,"k":"a"})");
    record(R"({"t":2,"k":"b"})");
    ASSERT_EQ(out_.lines.size(), 1U);
    EXPECT_NE(take().front().find(R"("label":"invalid","reason":"too_many_keys")"), std::string::npos);
    record(R"({"t":3,"k":"a"})");
    watermark(30);
    take();
    record(R"({"t":31,"k":"b"})");
    EXPECT_EQ(take(), Lines{}) << "the windows of a are gone, and it with them";
  }
}

TEST_F(OperatorTest, EarlyFiringsByTheClock) {
  WindowSettings s = plain_settings();
  s.early = Duration{kSecond};
  make(s);
  at(1);
  clock_.advance(Duration{kSecond / 2});
  EXPECT_TRUE(op_->on_deadline(out_).ok());
  EXPECT_EQ(results(), Lines{});
  clock_.advance(Duration{kSecond / 2});
  EXPECT_TRUE(op_->on_deadline(out_).ok());
  clock_.advance(Duration{5 * kSecond});  // nothing has changed
  EXPECT_TRUE(op_->on_deadline(out_).ok());
  EXPECT_EQ(op_->deadline(), MonoTime{7 * kSecond}) << "the ticks keep their grid";
  at(2);
  watermark(10);
  EXPECT_EQ(results(), (Lines{"[0,10) 1 early 0", "[0,10) 2 on-time 1"}));
}

TEST_F(OperatorTest, EarlyRatesAreOverTheWholeWindow) {
  WindowSettings s = plain_settings();
  s.early = Duration{kSecond};
  s.aggregates = "r=rate(), v=rate(t)";
  make(s);
  at(1);
  clock_.advance(Duration{kSecond});
  EXPECT_TRUE(op_->on_deadline(out_).ok());
  EXPECT_EQ(take(),
            Lines{R"({"window_start":0,"window_end":10,"k":"a","r":0.1,"v":0.1,"firing":"early","revision":0})"});
}

TEST_F(OperatorTest, AWallClockThatIsSetBackChangesNothing) {
  WindowSettings s = plain_settings();
  s.early = Duration{kSecond};
  make(s);
  at(1);
  clock_.advance(Duration{kSecond});
  clock_.set_wall(WallTime{-5 * kSecond});
  EXPECT_TRUE(op_->on_deadline(out_).ok());
  EXPECT_EQ(results(), (Lines{"[0,10) 1 early 0"}));
}

class SessionTest : public OperatorTest {
 protected:
  void make_sessions(int64_t lateness) {
    WindowSettings s = plain_settings();
    s.kind = WindowKind::session;
    s.allowed_lateness = Duration{lateness * kSecond};
    s.time_format = TimeFormat::us;
    make(s);
  }
  Lines in_seconds() {
    Lines lines = results();
    for (std::string& line : lines) {
      for (size_t at = 0; (at = line.find("000000", at)) != std::string::npos;) line.erase(at, 6);
    }
    return lines;
  }
};

TEST_F(SessionTest, TouchingSessionsMerge) {
  make_sessions(0);
  at(1);
  at(11);
  at(22);
  end();
  EXPECT_EQ(in_seconds(), (Lines{"[1,21) 2 on-time 0", "[22,32) 1 on-time 0"}));
}

TEST_F(SessionTest, ABridgeMakesOneSessionAndTheOldTimersAreGone) {
  make_sessions(0);
  at(1);
  at(16);
  at(9);
  watermark(11);
  EXPECT_EQ(in_seconds(), Lines{});
  watermark(26);
  EXPECT_EQ(in_seconds(), (Lines{"[1,26) 3 on-time 0"}));
}

TEST_F(SessionTest, ALateRecordIsJudgedByTheMergedSession) {
  make_sessions(0);
  at(1);
  at(11);
  watermark(13);
  at(-8);
  at(-30);
  end();
  EXPECT_EQ(in_seconds(), (Lines{"late", "[-8,21) 3 on-time 0"}));
}

TEST_F(SessionTest, AResultIsWithdrawnWhenItsSessionGrows) {
  make_sessions(10);
  at(1);
  watermark(11);
  at(6);
  watermark(15);
  EXPECT_EQ(in_seconds(), (Lines{"[1,11) 1 on-time 0", "-[1,11) 1 on-time 1"}));
  watermark(16);
  EXPECT_EQ(in_seconds(), (Lines{"[1,16) 2 on-time 0"}));
}

TEST_F(SessionTest, ALateBridgeWhoseEndHasPassedFiresAtOnce) {
  make_sessions(30);
  at(1);
  at(16);
  watermark(30);
  EXPECT_EQ(in_seconds(), (Lines{"[1,11) 1 on-time 0", "[16,26) 1 on-time 0"}));
  at(9);
  EXPECT_EQ(in_seconds(), (Lines{"-[1,11) 1 on-time 1", "-[16,26) 1 on-time 1", "[1,26) 3 late 0"}));
  watermark(100);
  EXPECT_EQ(in_seconds(), Lines{});
}

TEST_F(OperatorTest, ReasonsOfInvalidRecords) {
  WindowSettings s = plain_settings();
  s.aggregates = "n=count(), s=sum(v)";
  s.where = "!has(skip)";
  make(s);
  const auto reason = [&](const std::string& json) {
    record(json);
    const Lines lines = take();
    if (lines.size() != 1) return std::string("none");
    const size_t from = lines[0].find(R"("reason":")") + 10;
    return lines[0].substr(from, lines[0].find('"', from) - from);
  };
  EXPECT_EQ(reason("nonsense"), "not_json");
  EXPECT_EQ(reason("[1]"), "not_object");
  EXPECT_EQ(reason(R"({"t":"x","k":1})"), "bad_time");
  EXPECT_EQ(reason(R"({"k":1})"), "bad_time");
  EXPECT_EQ(reason(R"({"t":9223372036854,"k":1})"), "bad_time") << "its window's end is beyond int64";
  EXPECT_EQ(reason(R"({"t":1})"), "missing_key");
  EXPECT_EQ(reason(R"({"t":1,"k":[]})"), "bad_key");
  EXPECT_EQ(reason(R"({"t":1,"k":1,"v":"x"})"), "not_a_number");
  EXPECT_EQ(reason(R"({"t":"x","skip":1})"), "none") << "--where comes first";
}

TEST_F(OperatorTest, TheSmallestTimeIsBadAlsoWithAShift) {
  make(plain_settings(), Duration{-1});
  record(R"({"t":-9223372036854.775808,"k":"a"})");
  record(R"({"t":-9223372036854.775807,"k":"a"})");
  const int64_t smallest = std::numeric_limits<int64_t>::min();
  builder_.clear(Units::kStream);
  builder_.append(R"({"k":"a"})", &smallest);
  ASSERT_TRUE(op_->on_records(builder_.batch(), out_).ok());
  EXPECT_EQ(results(), (Lines{"invalid", "invalid", "invalid"}));
}

TEST_F(OperatorTest, FewerUnitsThanThereAreIsAnErrorInScopeStream) {
  make(plain_settings());
  for (const char* unit : {"t/0", "t/1"}) ASSERT_TRUE(op_->on_assign({units_.id(unit), 0, 3}, out_).ok());
  const Status status = try_record(R"({"t":1,"k":"a"})", "t/0");
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find("--scope unit"), std::string_view::npos);
  EXPECT_EQ(take(), Lines{});
}

TEST_F(OperatorTest, ARevokeIsAnErrorInScopeStream) {
  make(plain_settings());
  ASSERT_TRUE(op_->on_assign({units_.id("t/0"), 0, 1}, out_).ok());
  at(1, "t/0");
  const Status status = op_->on_revoke({units_.id("t/0")}, out_);
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find("--scope unit"), std::string_view::npos);
  EXPECT_EQ(take(), Lines{});
}

TEST_F(OperatorTest, ScopeUnitKeepsUnitsApartAndDropsARevokedOne) {
  WindowSettings s = plain_settings();
  s.scope = Scope::unit;
  make(s);
  ASSERT_TRUE(op_->on_assign({units_.id("t/0"), 0, 8}, out_).ok());
  at(1, "t/0");
  at(2, "t/1");
  watermark(10, "t/1");
  ASSERT_TRUE(op_->on_revoke({units_.id("t/0")}, out_).ok());
  end();
  EXPECT_EQ(take(), (Lines{R"({"$stream":"assign","unit":"t/0","position":0,"units":8})",
                           R"(t/1: {"window_start":0,"window_end":10,"k":"a","n":1,"firing":"on-time","revision":0})",
                           R"({"$stream":"watermark","unit":"t/1","time":"1970-01-01T00:00:10Z"})",
                           R"({"$stream":"revoke","unit":"t/0"})", R"({"$stream":"end","fire":true})"}));
}

TEST_F(OperatorTest, AnEndWithoutFireFiresNothing) {
  make(plain_settings());
  at(1);
  end(false);
  EXPECT_EQ(take(), (Lines{R"({"$stream":"end","fire":false})"}));
}

TEST_F(OperatorTest, ASecondSwindowJudgesCorrectionsByItsOwnLateness) {
  WindowSettings s = plain_settings();
  s.aggregates = "n=sum(n)";
  s.allowed_lateness = Duration{};
  auto made = WindowOperator::create(s, context_);
  ASSERT_TRUE(made.ok());
  op_ = *std::move(made);
  Open open;
  open.time = TimeField{"window_end", TimeUnit::s, Duration{-1}};
  ASSERT_TRUE(op_->on_open(open, out_).ok());
  record(R"({"window_start":0,"window_end":10,"k":"a","n":4,"firing":"on-time","revision":0})");
  watermark(10);
  record(R"({"window_start":0,"window_end":10,"k":"a","n":5,"firing":"late","revision":1})");
  EXPECT_EQ(results(), (Lines{"[0,10) 4 on-time 0", "late"}));
}

struct BadSettings {
  const char* what;
  void (*change)(WindowSettings&);
  const char* message;
};

TEST(WindowSettings, ContradictionsAreUsageErrors) {
  const BadSettings cases[] = {
      {"no size", [](WindowSettings& s) { s.size = s.slide = {}; }, "--tumbling"},
      {"no slide", [](WindowSettings& s) { s.slide = {}; }, "--every"},
      {"offset of a whole window", [](WindowSettings& s) { s.offset = s.size; }, "--offset"},
      {"offset back a whole window", [](WindowSettings& s) { s.offset = Duration{-s.size.us}; }, "--offset"},
      {"offset of a session",
       [](WindowSettings& s) {
         s.kind = WindowKind::session;
         s.offset = Duration{1};
       },
       "--offset"},
      {"negative lateness", [](WindowSettings& s) { s.allowed_lateness = Duration{-1}; }, "--allowed-lateness"},
      {"late-fire without lateness", [](WindowSettings& s) { s.late_fire = Duration{1}; }, "--allowed-lateness"},
      {"early of nothing", [](WindowSettings& s) { s.early = Duration{}; }, "--early"},
      {"half seconds in s", [](WindowSettings& s) { s.slide = Duration{kSecond / 2}; }, "--time-format"},
      {"sessions in ms",
       [](WindowSettings& s) {
         s.kind = WindowKind::session;
         s.time_format = TimeFormat::ms;
       },
       "--time-format"},
      {"key twice",
       [](WindowSettings& s) {
         s.keys = {"k", "k"};
       },
       "--key"},
      {"empty key",
       [](WindowSettings& s) {
         s.keys = {"a", ""};
       },
       "--key"},
      {"key that results have", [](WindowSettings& s) { s.keys = {"window_end"}; }, "--key"},
      {"aggregate named as the key", [](WindowSettings& s) { s.aggregates = "k=count()"; }, "--agg"},
      {"aggregate that results have", [](WindowSettings& s) { s.aggregates = "revision=count()"; }, "--agg"},
      {"unknown aggregate", [](WindowSettings& s) { s.aggregates = "n=mean(x)"; }, "--agg"},
      {"bad condition", [](WindowSettings& s) { s.where = "a =="; }, "--where"},
  };
  FakeClock clock;
  NullLog log;
  Metrics metrics;
  Units units;
  Context context{clock, log, metrics, units};
  for (const BadSettings& c : cases) {
    WindowSettings s = plain_settings();
    c.change(s);
    const auto made = WindowOperator::create(s, context);
    ASSERT_FALSE(made.ok()) << c.what;
    EXPECT_EQ(made.status().code(), Code::usage) << c.what;
    EXPECT_NE(made.status().message().find(c.message), std::string_view::npos)
        << c.what << ": " << made.status().message();
  }
}

}  // namespace
}  // namespace streamutils::window
