// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/ssink-redis/fixture.hpp"

namespace streamutils::ssink_redis {
namespace {

constexpr const char* kHashOf = "hset {} window_start={} window_end={} k=a n={} firing=on-time revision={}";

TEST(Plan, HashIsReplacedAndWithdrawn) {
  Fixture f({.hash = "h:{k}:{window_start}"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1.50)", 0)), Calls{fmt::format(kHashOf, "h:a:0", 0, 10, "1.50", 0)});
  EXPECT_EQ(f.outcome, Outcome::written);
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":2)", 1)), Calls{fmt::format(kHashOf, "h:a:0", 0, 10, "2", 1)});
  EXPECT_EQ(f.outcome, Outcome::corrected);
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":2)", 2, true)),
            Calls{"hdel h:a:0 window_start window_end k n firing revision"});
  EXPECT_EQ(f.outcome, Outcome::withdrawn);
}

TEST(Plan, AnOlderRevisionHasNoEffectEvenAfterAWithdrawal) {
  Fixture f({.hash = "h:{k}", .counter = "c", .by = "n", .publish = "p"});
  f.feed(result("a", 0, 10, R"(,"n":1)", 3));
  for (const int revision : {3, 2, 0}) {
    EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":9)", revision)), Calls{});
    EXPECT_EQ(f.outcome, Outcome::superseded);
  }
  f.feed(result("a", 0, 10, R"(,"n":1)", 4, true));
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":9)", 1)), Calls{});
}

TEST(Plan, FieldsThatAreGoneAreDeleted) {
  Fixture f({.hash = "h"});
  f.feed(result("a", 0, 10, R"(,"n":1,"x":2)", 0));
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1,"y":2)", 1)),
            (Calls{"hset h window_start=0 window_end=10 k=a n=1 y=2 firing=on-time revision=1", "hdel h x"}));
}

TEST(Plan, AHashWhoseKeyChangedMoves) {
  Fixture f({.hash = "h:{n}"});
  f.feed(result("a", 0, 10, R"(,"n":1)", 0));
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":2)", 1)), (Calls{"hdel h:1 window_start window_end k n firing revision",
                                                               fmt::format(kHashOf, "h:2", 0, 10, "2", 1)}));
}

TEST(Plan, ZsetMemberIsReplaced) {
  Fixture f({.zset = "z:{window_start}", .score = "n", .member = "{k}:{m}"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1,"m":"x")", 0)), Calls{"zadd z:0 1 a:x"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":2,"m":"x")", 1)), Calls{"zadd z:0 2 a:x"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":3,"m":"y")", 2)), (Calls{"zrem z:0 a:x", "zadd z:0 3 a:y"}));
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":3,"m":"y")", 3, true)), Calls{"zrem z:0 a:y"});
}

TEST(Plan, CounterChangesByTheDifference) {
  Fixture f({.counter = "c:{m}", .by = "n"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":0.1,"m":1)", 0)), Calls{"add c:1 0.1"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":0.3,"m":1)", 1)), Calls{"add c:1 0.2"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":0.30,"m":1)", 2)), Calls{});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":5,"m":2)", 3)), (Calls{"add c:1 -0.3", "add c:2 5"}));
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":5,"m":2)", 4, true)), Calls{"add c:2 -5"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":4,"m":2)", 5)), Calls{"add c:2 4"});
}

TEST(Plan, StringIsReplacedAndDeleted) {
  Fixture f({.string = "s:{k}"});
  const std::string first = result("a", 0, 10, "", 0), second = result("a", 0, 10, "", 1);
  EXPECT_EQ(f.feed(first), Calls{"set s:a " + first});
  EXPECT_EQ(f.feed(second), Calls{"set s:a " + second});
  EXPECT_EQ(f.feed(result("a", 0, 10, "", 2, true)), Calls{"del s:a"});
}

TEST(Plan, EventsCarryEveryRevision) {
  Fixture f({.stream = "t", .publish = "p:{k}"});
  f.feed(result("a", 0, 10, "", 0));
  const std::string withdrawal = result("a", 0, 10, "", 1, true);
  EXPECT_EQ(f.feed(withdrawal),
            (Calls{"xadd t window_start=0 window_end=10 k=a firing=on-time revision=1 retracted=true",
                   "publish p:a " + withdrawal}));
}

TEST(Plan, TheLaterWindowEndWinsASharedKey) {
  Fixture f({.hash = "h:{k}", .string = "s:{k}"});
  f.feed(result("a", 10, 20, R"(,"n":2)", 0));
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1)", 0)), Calls{});  // an earlier window that fires late
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1)", 1, true)), Calls{});
  EXPECT_EQ(f.feed(result("a", 10, 20, R"(,"n":3)", 1)).size(), 2u);
  const auto later = f.feed(result("a", 20, 30, R"(,"m":9)", 0));
  ASSERT_EQ(later.size(), 3u);
  EXPECT_EQ(later[1], "hdel h:a n");
  EXPECT_EQ(f.feed(result("a", 10, 20, R"(,"n":3)", 2, true)), Calls{});  // it no longer stands there
  EXPECT_EQ(f.feed(result("a", 20, 30, R"(,"m":9)", 1, true)).size(), 2u);
}

TEST(Plan, ASharedZsetMemberBelongsToTheLaterWindow) {
  Fixture f({.zset = "z", .score = "n", .member = "{k}"});
  f.feed(result("a", 10, 20, R"(,"n":2)", 0));
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1)", 0)), Calls{});
  EXPECT_EQ(f.feed(result("b", 0, 10, R"(,"n":1)", 0)), Calls{"zadd z 1 b"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1)", 1, true)), Calls{});
}

TEST(Plan, UnitsAreDifferentIdentities) {
  Fixture f({.counter = "c", .by = "n"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":1)", 0), 1), Calls{"add c 1"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":2)", 0), 2), Calls{"add c 2"});
  EXPECT_EQ(f.feed(result("a", 0, 10, R"(,"n":5)", 1), 1), Calls{"add c 4"});
}

TEST(Plan, PlainRecordsAreWrittenAsTheyAre) {
  Fixture f({.counter = "c", .by = "n"}, false);
  EXPECT_EQ(f.feed(R"({"n":1})"), Calls{"add c 1"});
  EXPECT_EQ(f.feed(R"({"n":1})"), Calls{"add c 1"});
  EXPECT_EQ(f.feed(R"({"n":null})"), Calls{"add c 0"});
}

TEST(Plan, WhatIsRememberedGoesWithTheWatermark) {
  Fixture f({.hash = "h:{k}", .zset = "z", .score = "n", .member = "{k}"});
  for (int i = 0; i < 100; ++i) f.feed(result(std::to_string(i), i, i + 10, R"(,"n":1)", 0));
  EXPECT_EQ(f.memory.entries(), 100u);
  EXPECT_EQ(f.memory.owners(), 200u);
  f.memory.advance(0, EventTime{64'999'999});  // ends up to 59 s are gone at 64 s, 60 s at 65 s
  EXPECT_EQ(f.memory.entries(), 50u);
  EXPECT_EQ(f.memory.owners(), 100u);
  f.memory.advance(0, EventTime{1'000'000});  // never falls
  EXPECT_EQ(f.memory.entries(), 50u);
  f.memory.advance(0, kAfterAll);
  EXPECT_EQ(f.memory.entries(), 0u);
  EXPECT_EQ(f.memory.owners(), 0u);
}

TEST(Plan, AUnitThatLagsStillFindsTheLaterWindow) {
  Fixture f({.hash = "h"});
  f.feed(result("a", 90, 100, "", 0), 1);
  f.feed(result("a", 0, 10, "", 0), 2);
  f.memory.advance(1, EventTime{200'000'000});  // unit 1 forgets its result, not that its end stands in the store
  EXPECT_EQ(f.memory.entries(), 1u);
  EXPECT_EQ(f.feed(result("a", 10, 20, "", 0), 2), Calls{});
  f.memory.set_idle(1, true);
  f.memory.advance(2, EventTime{200'000'000});
  EXPECT_EQ(f.memory.owners(), 0u);
}

TEST(Plan, SnapshotContinuesWhereItWas) {
  const Options options{.hash = "h:{k}", .zset = "z", .score = "n", .member = "{m}", .counter = "c", .by = "n"};
  Fixture before(options);
  before.feed(result("a", 0, 10, R"(,"n":7,"m":"x","old":1)", 0));
  before.feed(result("b", 0, 10, R"(,"n":1,"m":"y")", 0));
  before.feed(result("a", 10, 20, R"(,"n":1,"m":"x")", 0));
  Units units;
  StateWriter writer;
  before.memory.snapshot(writer, units);
  Fixture after(options);
  StateReader reader(writer.bytes());
  ASSERT_TRUE(after.memory.restore(reader, units).ok());
  EXPECT_TRUE(reader.at_end());
  for (Fixture* f : {&before, &after}) {
    EXPECT_EQ(f->feed(result("a", 0, 10, R"(,"n":9,"m":"x")", 1)), Calls{"add c 2"});  // the later window stands
    EXPECT_EQ(f->feed(result("b", 0, 10, R"(,"n":4,"m":"q")", 1)).size(), 4u);
  }
  StateReader cut(std::string_view(writer.bytes()).substr(0, writer.bytes().size() / 2));
  Fixture other(options);
  EXPECT_FALSE(other.memory.restore(cut, units).ok());
}

}  // namespace
}  // namespace streamutils::ssink_redis
