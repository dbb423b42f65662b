// SPDX-License-Identifier: Apache-2.0
#include "tools/sstate/key_filter.hpp"

#include <gtest/gtest.h>

namespace streamutils::sstate {
namespace {

bool matches(std::string_view filter, std::vector<std::string> names, std::vector<std::string_view> values) {
  const auto made = KeyFilter::create(filter);
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made->matches(names, values);
}

TEST(KeyFilter, PlainTextAndJson) {
  EXPECT_TRUE(matches("u1", {"user"}, {R"("u1")"}));
  EXPECT_TRUE(matches(R"("u1")", {"user"}, {R"("u1")"}));
  EXPECT_FALSE(matches("u", {"user"}, {R"("u1")"}));
  EXPECT_FALSE(matches("u1", {}, {}));
  // What is a number is the number and the text.
  EXPECT_TRUE(matches("5", {"id"}, {"5"}));
  EXPECT_TRUE(matches("5.00", {"id"}, {"5"}));
  EXPECT_TRUE(matches("5", {"id"}, {R"("5")"}));
  EXPECT_FALSE(matches(R"("5")", {"id"}, {"5"}));
  EXPECT_TRUE(matches("null", {"id"}, {"null"}));
  EXPECT_TRUE(matches(R"("a\u00e4\/\"b")", {"id"}, {R"("aä/\"b")"}));
  EXPECT_TRUE(matches(R"(a"b)", {"id"}, {R"("a\"b")"}));
  EXPECT_TRUE(matches("", {"id"}, {R"("")"}));
}

TEST(KeyFilter, AnyFieldOfTheKey) {
  EXPECT_TRUE(matches("u1", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_TRUE(matches("7", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_FALSE(matches("8", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_FALSE(matches(R"("u1",7)", {"user", "page"}, {R"("u1")", "7"}));
}

TEST(KeyFilter, ObjectsNameTheirFields) {
  EXPECT_TRUE(matches(R"({"page":7.0})", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_TRUE(matches(R"( {"page":7,"user":"u1"} )", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_FALSE(matches(R"({"page":7,"user":"u2"})", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_FALSE(matches(R"({"user":7})", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_FALSE(matches(R"({"usr":"u1"})", {"user", "page"}, {R"("u1")", "7"}));
  EXPECT_TRUE(matches(R"({"a.b":1})", {"a.b"}, {"1"}));
}

TEST(KeyFilter, WhatCannotBeAKeyIsRefused) {
  for (const std::string_view text : {R"({"user":[1]})", R"({"user":{}})", "[1]", "\xff"}) {
    const auto made = KeyFilter::create(text);
    ASSERT_FALSE(made.ok()) << text;
    EXPECT_EQ(made.status().code(), Code::usage);
  }
}

}  // namespace
}  // namespace streamutils::sstate
