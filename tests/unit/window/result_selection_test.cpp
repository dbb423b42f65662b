// SPDX-License-Identifier: Apache-2.0
// --having and --top: which results are written.
#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

class ResultSelectionTest : public OperatorTest {
 protected:
  static WindowSettings having(std::string condition) {
    WindowSettings s = plain_settings();
    s.having = std::move(condition);
    return s;
  }
  static WindowSettings top(int64_t most, std::string by, std::string aggregates = "n=count()") {
    WindowSettings s = plain_settings();
    s.top = most;
    s.top_by = std::move(by);
    s.aggregates = std::move(aggregates);
    return s;
  }
  void put(const std::string& key, const std::string& value = "1", int64_t seconds = 1) {
    record(fmt::format(R"({{"t":{},"k":{},"x":{}}})", seconds, key, value));
  }
  /// The results at the end, each as its key, the aggregates and the rank.
  Lines ranked() {
    end();
    Lines found;
    for (const std::string& line : take()) {
      const size_t from = line.find("\"k\":"), to = line.find(",\"firing\"");
      if (from != std::string::npos) found.push_back(line.substr(from + 4, to - from - 4));
    }
    return found;
  }
  std::string refused(const WindowSettings& settings) {
    const auto made = WindowOperator::create(settings, context_);
    if (made.ok()) return "";
    EXPECT_EQ(made.status().exit_code(), 2);
    return std::string(made.status().message());
  }
  Status restart(const WindowSettings& settings) {
    StateWriter saved;
    EXPECT_TRUE(op_->snapshot(saved).ok());
    make(settings);
    StateReader in(saved.bytes());
    return op_->restore(in);
  }
};

TEST_F(ResultSelectionTest, HavingReadsAggregatesAndKeysByTheirNames) {
  WindowSettings s = having("n > 1 && starts_with(user.id, 'a') && s != null");
  s.keys = {"user.id"};
  s.aggregates = "n=count(), s=sum(x), twice=n*2";
  make(s);
  for (const char* id : {"ann", "ann", "bob", "bob", "al"}) {
    record(fmt::format(R"({{"t":1,"user":{{"id":"{}"}},"x":1}})", id));
  }
  end();
  EXPECT_EQ(
      take(),
      (Lines{
          R"({"window_start":0,"window_end":10,"user.id":"ann","n":2,"s":2,"twice":4,"firing":"on-time","revision":0})",
          R"({"$stream":"end","fire":true})"}));
}

TEST_F(ResultSelectionTest, ACorrectionThatIsNotWantedWithdraws) {
  WindowSettings s = having("n != 2 && n != 4");
  s.allowed_lateness = Duration{50 * kSecond};
  make(s);
  at(1);
  watermark(10);
  at(2);
  at(3);
  ASSERT_TRUE(restart(s).ok()) << "what stands is in the checkpoint";
  at(4);
  at(5);
  EXPECT_EQ(results(), (Lines{"[0,10) 1 on-time 0", "-[0,10) 1 on-time 1", "[0,10) 3 late 2", "-[0,10) 3 late 3",
                              "[0,10) 5 late 4"}));
}

TEST_F(ResultSelectionTest, WhatWasNeverWrittenIsNeverWithdrawn) {
  WindowSettings s = having("n == 3");
  s.allowed_lateness = Duration{50 * kSecond};
  make(s);
  at(1);
  watermark(10);
  at(2);
  EXPECT_EQ(results(), Lines());
  at(3);
  EXPECT_EQ(results(), Lines{"[0,10) 3 late 0"}) << "revisions count what is written";
}

TEST_F(ResultSelectionTest, AnEarlyResultIsWithdrawnOnTime) {
  for (const WindowKind kind : {WindowKind::aligned, WindowKind::session}) {
    WindowSettings s = having("n == 1");
    s.kind = kind;
    s.early = Duration{kSecond};
    s.time_format = TimeFormat::us;
    make(s);
    const auto at_zero = [&] { record(R"({"t":0,"k":"a"})"); };
    at_zero();
    clock_.advance(Duration{kSecond});
    ASSERT_TRUE(op_->on_deadline(out_).ok());
    EXPECT_EQ(results(), Lines{"[0,10000000) 1 early 0"});
    at_zero();
    watermark(10);
    EXPECT_EQ(results(), Lines{"-[0,10000000) 1 early 1"});
  }
}

TEST_F(ResultSelectionTest, HavingThatIsWrongIsRefused) {
  EXPECT_EQ(refused(having("m > 1")), "--having: 'm' is no key field and no aggregate of the results; those are k, n");
  EXPECT_NE(refused(having("n >")).find("--having: column"), std::string::npos) << refused(having("n >"));
  EXPECT_NE(refused(having("n > 1 && window_start > 0")).find("window_start"), std::string::npos);
}

TEST_F(ResultSelectionTest, HavingShapesTheState) {
  make(having("n > 1"));
  EXPECT_TRUE(restart(having("n>1")).ok()) << "other blanks";
  make(having("n > 1"));
  EXPECT_NE(restart(having("n > 2")).message().find("--having 'n > 1', this start has --having 'n > 2'"),
            std::string_view::npos);
}

TEST_F(ResultSelectionTest, TheLargestByRank) {
  make(top(2, "n"));
  for (const char* key : {"\"c\"", "\"b\"", "\"a\"", "\"b\"", "\"c\""}) put(key);
  put("\"z\"", "1", 11);
  end();
  EXPECT_EQ(take(),
            (Lines{R"({"window_start":0,"window_end":10,"k":"b","n":2,"rank":1,"firing":"on-time","revision":0})",
                   R"({"window_start":0,"window_end":10,"k":"c","n":2,"rank":2,"firing":"on-time","revision":0})",
                   R"({"window_start":10,"window_end":20,"k":"z","n":1,"rank":1,"firing":"on-time","revision":0})",
                   R"({"$stream":"end","fire":true})"}))
      << "ties by key bytes; each window for itself";
}

TEST_F(ResultSelectionTest, NumbersByValueStringsAboveThemNullsLast) {
  make(top(10, "m", "m=max(x)"));
  put("1", "9");
  put("2", "10.5");
  put("3", "-1e300");
  put("4", "\"b\"");
  put("5", "\"\\u0063\"");
  put("6", "null");
  EXPECT_EQ(ranked(), (Lines{R"(5,"m":"c","rank":1)", R"(4,"m":"b","rank":2)", R"(2,"m":10.5,"rank":3)",
                             R"(1,"m":9,"rank":4)", R"(3,"m":-1e+300,"rank":5)", R"(6,"m":null,"rank":6)"}));
}

TEST_F(ResultSelectionTest, HavingComesBeforeTheRank) {
  WindowSettings s = top(1, "n");
  s.having = "k != 'a'";
  make(s);
  for (const char* key : {"\"a\"", "\"a\"", "\"b\""}) put(key);
  EXPECT_EQ(ranked(), Lines{R"("b","n":1,"rank":1)"});
}

TEST_F(ResultSelectionTest, AllTimeHasATopToo) {
  WindowSettings s = top(1, "n");
  s.kind = WindowKind::global;
  make(s);
  for (const char* key : {"\"a\"", "\"b\"", "\"b\""}) put(key);
  EXPECT_EQ(ranked(), Lines{R"("b","n":2,"rank":1)"});
}

TEST_F(ResultSelectionTest, TopThatCannotBeGivenIsRefused) {
  const auto with = [](auto change) {
    WindowSettings s = top(3, "n");
    change(s);
    return s;
  };
  EXPECT_NE(refused(top(3, "")).find("--by"), std::string::npos);
  EXPECT_NE(refused(top(-1, "n")).find("--top must be at least 1"), std::string::npos);
  EXPECT_EQ(refused(top(3, "k")), "--by: 'k' is no aggregate of --agg; those are n");
  EXPECT_NE(refused(with([](auto& s) { s.allowed_lateness.us = 1; })).find("--allowed-lateness"), std::string::npos);
  EXPECT_NE(refused(with([](auto& s) { s.early = Duration{1}; })).find("--early"), std::string::npos);
  EXPECT_NE(refused(with([](auto& s) {
              s.kind = WindowKind::session;
              s.time_format = TimeFormat::us;
            })).find("--session"),
            std::string::npos);
  EXPECT_NE(refused(top(3, "rank", "rank=count()")).find("'rank' is a field that every result has"), std::string::npos);
}

}  // namespace
}  // namespace streamutils::window
