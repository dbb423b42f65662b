// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/record.hpp"

#include <gtest/gtest.h>

namespace streamutils::kafka {
namespace {

struct Shaped {
  std::string line;
  std::string reason;
  int64_t full_size = -1;
};

Shaped shape(const Bytes& value, bool envelope = false, const Bytes& key = {},
             const std::vector<std::pair<std::string_view, Bytes>>& headers = {}) {
  RecordShaper shaper(envelope, {.max_bytes = 200, .max_depth = 8});
  const MessageView message{
      .topic = "t", .partition = 1, .offset = 7, .timestamp_ms = 5, .key = key, .value = value, .headers = &headers};
  Shaped shaped;
  SideRecord side;
  if (!shaper.shape(message, shaped.line, side)) {
    EXPECT_EQ(side.label, "invalid");
    EXPECT_EQ(shaped.line, "");
    shaped.reason = side.reason;
    shaped.full_size = side.full_size;
  }
  return shaped;
}

TEST(RecordShaper, AValueOnOneLineIsNotTouched) {
  EXPECT_EQ(shape(R"({"a": 1})").line, R"({"a": 1})");
  EXPECT_EQ(shape("not json").line, "not json");  // whoever needs a field says so
}

TEST(RecordShaper, WhatCannotBeALineSaysWhy) {
  EXPECT_EQ(shape(std::nullopt).reason, "tombstone");
  EXPECT_EQ(shape("").reason, "not_json");
  EXPECT_EQ(shape("a\nb").reason, "not_json");
  EXPECT_EQ(shape("{\"a\":\n\"\xff\"}").reason, "bad_utf8");
  EXPECT_EQ(shape("[[[[[[[[[\n]]]]]]]]]").reason, "too_deep");
  const Shaped large = shape(std::string(201, 'x'));
  EXPECT_EQ(large.reason, "too_large");
  EXPECT_EQ(large.full_size, 201);
}

TEST(RecordShaper, NewlinesInsideAreMinified) {
  EXPECT_EQ(shape("{\n \"a\" : [1,\n 2], \"s\": \"x y\"\n}\n").line, R"({"a":[1,2],"s":"x y"})");
  EXPECT_EQ(shape("1,\"x\":\n2").reason, "not_json");
  EXPECT_EQ(shape("1}\n").reason, "not_json");
}

TEST(RecordShaper, TheEnvelopeHoldsJsonAsItIsAndOtherValuesAsStrings) {
  const std::string begin = R"({"topic":"t","partition":1,"offset":7,"timestamp":5,"key":)";
  EXPECT_EQ(shape(R"({"a": 1})", true, "k").line, begin + R"("k","headers":{},"value":{"a": 1}})");
  EXPECT_EQ(shape("[1,\n2]", true).line, begin + R"(null,"headers":{},"value":[1,2]})");
  EXPECT_EQ(shape("a\n\"", true).line, begin + R"(null,"headers":{},"value":"a\n\""})");
  EXPECT_EQ(shape("1,\"x\":2", true).line, begin + R"(null,"headers":{},"value":"1,\"x\":2"})");
  EXPECT_EQ(shape("", true).line, begin + R"(null,"headers":{},"value":""})");
  EXPECT_EQ(shape(std::nullopt, true).line, begin + R"(null,"headers":{},"value":null})");
  EXPECT_EQ(shape("\xff", true, "").line, begin + R"("","headers":{},"value_base64":"/w=="})");
}

TEST(RecordShaper, HeadersOfOneNameBecomeAnArray) {
  const std::string line = shape("1", true, {}, {{"a", "1"}, {"b", std::nullopt}, {"a", "\xff"}, {"c\"", "x"}}).line;
  EXPECT_NE(line.find(R"("headers":{"a":["1",{"base64":"/w=="}],"b":null,"c\"":"x"})"), std::string::npos) << line;
}

TEST(RecordShaper, AnEnvelopeThatGrowsTooLargeIsInvalid) {
  EXPECT_EQ(shape(std::string(190, 'x'), true).reason, "too_large");
}

}  // namespace
}  // namespace streamutils::kafka
