// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/url.hpp"

#include <gtest/gtest.h>

namespace streamutils::redis {
namespace {

Url parsed(std::string_view text) {
  auto url = parse_url(text);
  EXPECT_TRUE(url.ok()) << text << ": " << url.status().message();
  return url.ok() ? *url : Url{};
}

TEST(Url, ReadsTcp) {
  const Url url = parsed("redis://:s%40cret@cache.example:7000/3");
  EXPECT_EQ(url.host, "cache.example");
  EXPECT_EQ(url.port, 7000);
  EXPECT_EQ(url.db, 3);
  EXPECT_EQ(url.user, "");
  EXPECT_EQ(url.password, "s@cret");
  EXPECT_EQ(url.display(), "redis://cache.example:7000/3");
}

TEST(Url, HasDefaults) {
  EXPECT_EQ(parsed("redis://").host, "localhost");
  EXPECT_EQ(parsed("redis://localhost").port, 6379);
  EXPECT_EQ(parsed("redis://h/").db, 0);
  EXPECT_EQ(parsed("redis://ann:pw@h").user, "ann");
  EXPECT_EQ(parsed("redis://[::1]:1").host, "::1");
  EXPECT_EQ(parsed("redis://[::1]:1").display(), "redis://[::1]:1/0");
}

TEST(Url, ReadsUnix) {
  EXPECT_EQ(parsed("unix:///run/redis.sock").path, "/run/redis.sock");
  EXPECT_EQ(parsed("unix:///run/redis.sock?db=2").db, 2);
  EXPECT_EQ(parsed("unix://:pw@/run/redis.sock").password, "pw");
  EXPECT_EQ(parsed("unix:///a@b.sock").path, "/a@b.sock");
}

TEST(Url, RefusesWithARemedyAndWithoutThePassword) {
  for (const std::string_view text : {"", "localhost", "http://x", "redis://h:port", "redis://h:0", "redis://h:70000",
                                      "redis://h/x", "redis://::1", "redis://secret@h", "redis://:secret%zz@h",
                                      "unix://relative", "unix:///s?x=1", "unix:///s?db=-1", "rediss://:secret@h"}) {
    auto url = parse_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.status().code(), Code::usage) << text;
    EXPECT_EQ(url.status().message().find("secret"), std::string_view::npos) << url.status().message();
  }
  EXPECT_NE(parse_url("rediss://h").status().message().find("TLS"), std::string_view::npos);
}

TEST(Url, RefusesALongSocketPath) { EXPECT_FALSE(parse_url("unix:///" + std::string(200, 'x')).ok()); }

}  // namespace
}  // namespace streamutils::redis
