// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/ssink-redis/fixture.hpp"

namespace streamutils::ssink_redis {
namespace {

TEST(Row, SaysWhyARecordIsInvalid) {
  const Options options{.hash = "h:{user.id}", .zset = "z", .score = "s", .member = "m", .counter = "c", .by = "n"};
  Fixture f(options, false);
  const auto why = [&](std::string record) { return f.feed(std::move(record)).front() + " " + f.reader.blame(); };
  EXPECT_EQ(why("nonsense"), "not_json ");
  EXPECT_EQ(why("[1]"), "not_object ");
  EXPECT_EQ(why(R"({"s":1,"n":1})"), "missing_field user.id");
  EXPECT_EQ(why(R"({"user":{"id":[]},"s":1,"n":1})"), "not_scalar user.id");
  EXPECT_EQ(why(R"({"user":{"id":1},"s":"1","n":1})"), "bad_score s");
  EXPECT_EQ(why(R"({"user":{"id":1},"s":1e400,"n":1})"), "bad_score s");
  EXPECT_EQ(why(R"({"user":{"id":1},"s":1})"), "missing_field n");
  EXPECT_EQ(why(R"({"user":{"id":1},"s":1,"n":"x"})"), "bad_amount n");
  EXPECT_EQ(why(R"({"user":{"id":1},"s":1,"n":1e300})"), "bad_amount n");
}

TEST(Row, AResultNeedsItsIdentity) {
  Fixture f({.publish = "p"});
  const auto why = [&](std::string record) { return f.feed(std::move(record)).front() + " " + f.reader.blame(); };
  EXPECT_EQ(why(R"({"window_start":0,"window_end":1,"revision":0})"), "missing_key k");
  EXPECT_EQ(why(R"({"k":{},"window_start":0,"window_end":1,"revision":0})"), "bad_key k");
  EXPECT_EQ(why(R"({"k":1,"window_end":1,"revision":0})"), "missing_field window_start");
  EXPECT_EQ(why(R"({"k":1,"window_start":0,"window_end":"soon","revision":0})"), "bad_time window_end");
  EXPECT_EQ(why(R"({"k":1,"window_start":0,"window_end":1})"), "missing_field revision");
  EXPECT_EQ(why(R"({"k":1,"window_start":0,"window_end":1,"revision":1.5})"), "bad_revision revision");
  EXPECT_EQ(why(R"({"k":1,"window_start":0,"window_end":1,"revision":-1})"), "bad_revision revision");
}

// As swindow --global gives it.
TEST(Row, AWindowWithoutBoundsIsAnIdentity) {
  Fixture f({.counter = "c", .by = "n"});
  f.feed(R"({"k":1,"window_start":null,"window_end":null,"revision":0,"n":1})");
  EXPECT_EQ(f.feed(R"({"k":1,"window_start":null,"window_end":null,"revision":1,"n":3})"), Calls{"add c 2"});
}

TEST(Row, EqualKeysAreOneIdentity) {
  Fixture f({.counter = "c", .by = "n"});
  f.feed(R"({"k":1.0,"window_start":0,"window_end":1,"revision":0,"n":1})");
  EXPECT_EQ(f.feed(R"({"k":1,"window_start":0,"window_end":1,"revision":1,"n":3})"), Calls{"add c 2"});
  EXPECT_EQ(f.feed(R"({"k":"1","window_start":0,"window_end":1,"revision":1,"n":3})"), Calls{"add c 3"});
}

TEST(Row, FieldsAreWrittenUnescapedAndOnce) {
  Fixture f({.hash = "h"}, false);
  EXPECT_EQ(f.feed(R"({"a\u0062":"x\ny","n":1.500,"ab":2,"o":{"p": 1},"z":null,"t":true})"),
            Calls{"hset h ab=x\ny n=1.500 o={\"p\": 1} z=null t=true"});
  EXPECT_EQ(f.feed("{}"), Calls{"empty_record"});
}

TEST(Row, ManyFieldsAreBounded) {
  Fixture f({.hash = "h"}, false);
  std::string same = "{", different = "{";
  for (int i = 0; i < 4000; ++i) {
    same += fmt::format("{}\"x\":{}", i ? "," : "", i);
    different += fmt::format("{}\"x{}\":1", i ? "," : "", i);
  }
  EXPECT_EQ(f.feed(same + "}"), Calls{"hset h x=0"});
  EXPECT_EQ(f.feed(different + "}"), Calls{"too_many_fields"});
}

TEST(Row, ADottedKeyFieldIsFound) {
  Fixture f({.publish = "p:{user.id}"}, false);
  EXPECT_EQ(f.feed(R"({"user.id":7})").front().substr(0, 11), "publish p:7");
  EXPECT_EQ(f.feed(R"({"user":{"id":8}})").front().substr(0, 11), "publish p:8");
}

TEST(Targets, AreCheckedTogether) {
  const auto says = [](const Options& options) {
    auto targets = parse_targets(options);
    return targets.ok() ? "" : std::string(targets.status().message());
  };
  EXPECT_NE(says({}).find("no target"), std::string::npos);
  EXPECT_NE(says({.zset = "z"}).find("--member"), std::string::npos);
  EXPECT_NE(says({.hash = "h", .score = "s"}).find("--zset"), std::string::npos);
  EXPECT_NE(says({.counter = "c"}).find("--by"), std::string::npos);
  EXPECT_NE(says({.hash = "same", .string = "same"}).find("different keys"), std::string::npos);
  EXPECT_NE(says({.hash = "{"}).find("--hash"), std::string::npos);
}

}  // namespace
}  // namespace streamutils::ssink_redis
