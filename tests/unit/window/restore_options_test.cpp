// SPDX-License-Identifier: Apache-2.0
// A start with other options than the checkpoint was made with: what is taken over, what begins empty, what is refused.
#include "lib/window/saved_windows.hpp"
#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

class RestoreOptionsTest : public OperatorTest {
 protected:
  static WindowSettings with(std::string aggregates) {
    WindowSettings s = plain_settings();
    s.aggregates = std::move(aggregates);
    return s;
  }
  std::string save() {
    StateWriter out;
    EXPECT_TRUE(op_->snapshot(out).ok());
    return out.bytes();
  }
  Status restart(const WindowSettings& settings) {
    const std::string saved = save();
    take();
    log_.lines.clear();
    make(settings);
    StateReader in(saved);
    return op_->restore(in);
  }
  void x(int64_t seconds, std::string_view value) {
    record(fmt::format(R"({{"t":{},"k":"a","x":{}}})", seconds, value));
  }
  /// The aggregates of the next and only result.
  std::string fired() {
    end();
    const Lines lines = take();
    for (const std::string& line : lines) {
      const size_t from = line.find(R"("k":"a",)");
      if (from != std::string::npos) return line.substr(from + 8, line.find(R"(,"firing")") - from - 8);
    }
    return lines.empty() ? "" : lines.front();
  }
};

TEST_F(RestoreOptionsTest, ANewAggregateBeginsEmptyInOpenWindows) {
  make(with("n=count()"));
  x(1, "5");
  ASSERT_TRUE(restart(with("m=max(x), n=count()")).ok());
  ASSERT_EQ(log_.lines.size(), 1u);
  EXPECT_EQ(log_.lines[0],
            "--agg: 'm' is new: max(x); in windows that are open it begins empty, with the records from here on");
  x(2, "3");
  EXPECT_EQ(fired(), R"("m":3,"n":2)");
}

TEST_F(RestoreOptionsTest, WindowsOfTheCalendarGoOnInTheirZone) {
  const auto in_zone = [](const std::string& text, const std::string& zone) {
    WindowSettings s = with("n=count()");
    s.calendar = CalendarSpan::parse(text);
    s.calendar->zone = zone;
    s.size = s.slide = s.calendar->nominal();
    return s;
  };
  make(in_zone("1day", "Europe/Berlin"));
  x(1711839600 - 1, "1");  // the last second of 30 March 2024
  x(1711839600, "1");      // 31 March, which has 23 hours
  ASSERT_TRUE(restart(in_zone("1day", "Europe/Berlin")).ok());
  x(1711839600 + 23 * 3600 - 1, "1");
  const auto saved = open_saved_windows(save(), context_);
  EXPECT_TRUE(saved.ok()) << saved.status().message();
  end();
  std::string all;
  for (const std::string& line : take()) all += line + '\n';
  // 23 hours.
  EXPECT_NE(all.find(R"("window_start":1711839600,"window_end":1711922400,"k":"a","n":2)"), std::string::npos) << all;
  make(in_zone("1day", "Europe/Berlin"));
  x(1, "1");
  const Status other_zone = restart(in_zone("1day", "UTC"));
  EXPECT_EQ(other_zone.exit_code(), 2);
  EXPECT_NE(other_zone.message().find("--tz 'Europe/Berlin', this start has --tz UTC"), std::string_view::npos)
      << other_zone.message();
  make(in_zone("1day", "UTC"));
  x(1, "1");
  EXPECT_EQ(restart(in_zone("1week", "UTC")).exit_code(), 2);
}

TEST_F(RestoreOptionsTest, RemovedAndReorderedAggregates) {
  make(with("n=count(), d=distinct(x), m=max(x), q=p50(x)"));
  x(1, "5");
  ASSERT_TRUE(restart(with("m=max(x), n=count()")).ok());
  EXPECT_EQ(log_.lines, (Lines{"--agg: 'd' is left out, it was distinct(x)", "--agg: 'q' is left out, it was p50(x)"}));
  x(2, "3");
  EXPECT_EQ(fired(), R"("m":5,"n":2)");
}

TEST_F(RestoreOptionsTest, AChangedDefinitionBeginsEmpty) {
  make(with("m=max(x), n=count()"));
  x(1, "5");
  ASSERT_TRUE(restart(with("m=min(x), n=count()")).ok());
  ASSERT_EQ(log_.lines.size(), 1u);
  EXPECT_NE(log_.lines[0].find("'m' was max(x), is min(x); in windows that are open it begins empty"),
            std::string::npos);
  x(2, "7");
  EXPECT_EQ(fired(), R"("m":7,"n":2)");
}

TEST_F(RestoreOptionsTest, ARenamedAggregateGoesOn) {
  make(with("m=max(x) where x > 0"));
  x(1, "5");
  ASSERT_TRUE(restart(with("largest=max(x) where (x>0)")).ok());
  ASSERT_EQ(log_.lines.size(), 2u);
  EXPECT_EQ(log_.lines[0],
            "--agg: 'largest' is new: max(x) where x > 0; what it is computed from is in the checkpoint");
  x(2, "3");
  EXPECT_EQ(fired(), R"("largest":5)");
}

// An accumulator that results share must not take one that was there down with a new one that is empty.
TEST_F(RestoreOptionsTest, ASumKeepsItsTermsWhenStddevIsAdded) {
  make(with("s=sum(x), n=count(x)"));
  x(1, "5");
  ASSERT_TRUE(restart(with("s=sum(x), n=count(x), d=stddev(x)")).ok());
  x(2, "3");
  x(3, "1");
  ASSERT_TRUE(restart(with("s=sum(x), n=count(x), d=stddev(x)")).ok()) << "once more, with two accumulators now";
  EXPECT_EQ(log_.lines, Lines());
  EXPECT_EQ(fired(), R"("s":9,"n":3,"d":1.4142135623730951)");
}

TEST_F(RestoreOptionsTest, WhatALargerAccumulatorHeldGoesOnWithoutIt) {
  make(with("d=stddev(x), s=sum(x), n=count(x)"));
  x(1, "5");
  x(1, "null");
  ASSERT_TRUE(restart(with("s=sum(x), n=count(x)")).ok());
  x(2, "3");
  EXPECT_EQ(fired(), R"("s":8,"n":2)");

  make(with("d=stddev(x)"));
  x(1, "5");
  ASSERT_TRUE(restart(with("n=count(x)")).ok());
  record(R"({"t":2,"k":"a","x":"text"})");  // no number: fine for count(x) alone
  EXPECT_EQ(fired(), R"("n":2)");
}

TEST_F(RestoreOptionsTest, ThirdPowersGoOnAsSumsAndSquares) {
  make(with("sk=skewness(x), d=stddev(x), s=sum(x), n=count(x)"));
  x(1, "5");
  x(1, "null");
  ASSERT_TRUE(restart(with("v=var(x), s=sum(x), n=count(x), r=rate(x)")).ok());
  x(2, "3");
  ASSERT_TRUE(restart(with("v=var(x), s=sum(x), n=count(x), sk=skewness(x)")).ok());
  x(3, "1");
  EXPECT_EQ(fired(), R"("v":4,"s":9,"n":3,"sk":null)");
}

// Literals that shape a state tell it from others; those that only a reading has do not.
TEST_F(RestoreOptionsTest, LiteralsOfCalls) {
  make(with("h=histogram(x, 2, 4), t=topk(x, 3), c=collect(x, 2), d=distinct(x, t, k)"));
  x(1, "3");
  x(2, "3.0");
  ASSERT_TRUE(restart(with("e=distinct(x, t, k), m=mode(x), t=topk(x, 1), h=histogram(x, 2.0, 4)")).ok());
  x(3, "5");
  EXPECT_EQ(fired(), R"("e":3,"m":3,"t":[{"value":3,"count":2}],"h":[0,2,1])");

  make(with("h=histogram(x, 2, 4), c=collect(x, 2), d=distinct(x, t)"));
  x(1, "3");
  ASSERT_TRUE(restart(with("h=histogram(x, 2, 5), c=collect(x, 3), d=distinct(t, x)")).ok());
  x(2, "4");
  EXPECT_EQ(fired(), R"("h":[0,1,0],"c":[4],"d":1)");
}

TEST_F(RestoreOptionsTest, NamesThatNeedQuotes) {
  make(with("n=count(), m=max(`a b`.`c``d`), d=distinct(`null`) where `x y` =~ 'a.\"b'"));
  record(R"({"t":1,"k":"a","a b":{"c`d":4},"null":1,"x y":"a.\"b"})");
  ASSERT_TRUE(restart(with("n=count()")).ok());
  EXPECT_EQ(fired(), R"("n":1)");
}

TEST_F(RestoreOptionsTest, AllAggregatesReplaced) {
  make(with("n=count()"));
  x(1, "5");
  ASSERT_TRUE(restart(with("m=max(x)")).ok());
  EXPECT_EQ(fired(), R"("m":null)");
}

TEST_F(RestoreOptionsTest, Sessions) {
  WindowSettings s = with("n=count(), m=max(x)");
  s.kind = WindowKind::session;
  s.time_format = TimeFormat::us;
  make(s);
  x(1, "5");
  s.aggregates = "l=last(x), n=count()";
  ASSERT_TRUE(restart(s).ok());
  x(2, "3");
  EXPECT_EQ(fired(), R"("l":3,"n":2)");
}

// A withdrawal repeats what was given, also when the list of aggregates has changed since.
TEST_F(RestoreOptionsTest, AWithdrawalRepeatsTheOldResult) {
  WindowSettings s = with("n=count()");
  s.kind = WindowKind::session;
  s.time_format = TimeFormat::us;
  s.allowed_lateness = Duration{10 * kSecond};
  make(s);
  at(0);
  watermark(10);
  s.aggregates = "m=count()";
  ASSERT_TRUE(restart(s).ok());
  at(5);
  const Lines lines = take();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(R"("n":1,"firing":"on-time","revision":1,"retracted":true)"), std::string::npos) << lines[0];
}

TEST_F(RestoreOptionsTest, LatenessThatChangesIsSaid) {
  make(plain_settings());
  WindowSettings s = plain_settings();
  s.allowed_lateness = Duration{5 * kSecond};
  ASSERT_TRUE(restart(s).ok());
  EXPECT_EQ(log_.lines,
            (Lines{"--allowed-lateness was 0s, is 5s: windows that are open are kept until then; those that "
                   "are gone stay so"}));
}

TEST_F(RestoreOptionsTest, OptionsThatShapeNoStateMayChange) {
  WindowSettings s = plain_settings();
  s.allowed_lateness = Duration{50 * kSecond};
  s.late_fire = Duration{5 * kSecond};
  s.early = Duration{kSecond};
  make(s);
  at(1);
  watermark(10);
  at(2);  // a correction that waits
  s.late_fire.reset();
  s.early.reset();
  s.time_format = TimeFormat::us;
  s.max_keys = 1;
  ASSERT_TRUE(restart(s).ok());
  EXPECT_EQ(log_.lines, Lines());
  s.early = Duration{3 * kSecond};
  s.late_fire = Duration{7 * kSecond};
  ASSERT_TRUE(restart(s).ok());
  watermark(70);
  EXPECT_EQ(metrics_.gauge("stream_open_windows", "").value(), 0);
}

TEST_F(RestoreOptionsTest, OtherWindowsKeysFiltersAndScopesAreRefused) {
  const auto refusal = [this](const WindowSettings& before, const WindowSettings& now) {
    make(before);
    const Status status = restart(now);
    EXPECT_EQ(status.code(), Code::usage);
    const std::string text(status.message());
    const size_t end = text.find("; start over with --fresh, or use the old options");
    EXPECT_NE(end, std::string::npos) << text;
    return text.substr(0, end);
  };
  const WindowSettings plain = plain_settings();
  WindowSettings s = plain;
  s.slide = Duration{5 * kSecond};
  EXPECT_EQ(refusal(plain, s), "the checkpoint was made with --tumbling 10s, this start has --sliding 10s, --every 5s");
  s = plain;
  s.kind = WindowKind::session;
  s.time_format = TimeFormat::us;
  EXPECT_EQ(refusal(plain, s), "the checkpoint was made with --tumbling 10s, this start has --session 10s");
  s = plain;
  s.offset = Duration{-kSecond};
  EXPECT_EQ(refusal(plain, s), "the checkpoint was made without --offset, this start has --offset -1s");
  EXPECT_EQ(refusal(s, plain), "the checkpoint was made with --offset -1s, this start has no --offset");
  s = plain;
  s.keys = {"k", "a.b"};
  EXPECT_EQ(refusal(plain, s), "the checkpoint was made with --key k, this start has --key k,a.b");
  s = plain;
  s.where = "x>1";
  EXPECT_EQ(refusal(plain, s), "the checkpoint was made without --where, this start has --where 'x > 1'");
  s = plain;
  s.scope = Scope::unit;
  s.keys.clear();
  EXPECT_EQ(refusal(plain, s), "the checkpoint was made with --key k, --scope stream, this start has --scope unit");
}

TEST_F(RestoreOptionsTest, ALaterVersionIsToldApart) {
  make(plain_settings());
  StateWriter later;
  later.u32(7);
  StateReader in(later.bytes());
  const Status status = op_->restore(in);
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find("a later streamutils wrote it"), std::string_view::npos) << status.message();
}

}  // namespace
}  // namespace streamutils::window
