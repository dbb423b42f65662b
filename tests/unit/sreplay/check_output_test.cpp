// SPDX-License-Identifier: Apache-2.0
// Two outputs are the same when their lines are, however they were cut on the way; the first line that differs is
// found.
#include "tools/sreplay/check_output.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace streamutils::sreplay {
namespace {

class CheckOutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = Reference::create();
    ASSERT_TRUE(made.ok()) << made.status().message();
    reference_ = *std::move(made);
  }
  /// Gives the text in pieces of random sizes.
  void give(CheckOutput& output, std::string_view text) {
    while (!text.empty()) {
      const size_t n = std::uniform_int_distribution<size_t>(1, text.size())(random_);
      const Status status = output.take(text.substr(0, n));
      ASSERT_TRUE(status.ok()) << status.message();
      text.remove_prefix(n);
    }
    const Status status = output.finish();
    ASSERT_TRUE(status.ok()) << status.message();
  }
  using Difference = CheckOutput::Difference;
  std::optional<Difference> compare(std::string_view first, std::string_view second) {
    SetUp();
    CheckOutput was(*reference_, true);
    give(was, first);
    EXPECT_FALSE(was.difference());
    CheckOutput is(*reference_, false);
    give(is, second);
    EXPECT_EQ(is.difference().has_value(), is.differs());
    return is.difference();
  }
  void expect(std::string_view first, std::string_view second, uint64_t line, uint64_t column,
              std::optional<std::string> was, std::optional<std::string> is) {
    for (int i = 0; i < 20; ++i) {
      const auto found = compare(first, second);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->line, line);
      EXPECT_EQ(found->column, column);
      EXPECT_EQ(found->was, was);
      EXPECT_EQ(found->is, is);
    }
  }

  std::mt19937_64 random_{20261123};
  std::unique_ptr<Reference> reference_;
};

constexpr std::string_view kOpen = R"({"$stream":"open","version":1,"run":"4cba26f5cd0c8d1f","stages":[]})"
                                   "\n";
constexpr std::string_view kOtherOpen = R"({"$stream":"open","version":1,"run":"0000000000000000","stages":[]})"
                                        "\n";
constexpr std::string_view kEnd = R"({"$stream":"end","fire":true})"
                                  "\n";

std::string stream(std::string_view open, std::string_view items) { return fmt::format("{}{}{}", open, items, kEnd); }

TEST_F(CheckOutputTest, TheFirstLineThatDiffers) {
  expect("a\nb\nc\n", "a\nB\nc\n", 2, 1, "b", "B");
  expect("a\nbcd\n", "a\nbce\nmore\n", 2, 3, "bcd", "bce");
  expect("a\nbcd\n", "a\nbc\n", 2, 3, "bcd", "bc");
  expect("a\nbc\n", "a\nbcd\n", 2, 3, "bc", "bcd");
  expect("a\n", "a\nb\n", 2, 1, std::nullopt, "b");
  expect("a\nb\n", "a\n", 2, 1, "b", std::nullopt);
  expect("a\nb", "a\n", 2, 1, "b", std::nullopt);
  expect("a", "ab", 1, 2, "a", "ab");
  expect("ab", "a", 1, 2, "ab", "a");
  expect("", "a\n", 1, 1, std::nullopt, "a");
  expect("a\n", "", 1, 1, "a", std::nullopt);
  expect("\n", "a\n", 1, 1, "", "a");
}

TEST_F(CheckOutputTest, WhatIsNotOfTheResultsDoesNotCount) {
  const std::string records =
      "{\"a\":1}\n{\"$stream\":\"watermark\",\"unit\":\"-\",\"time\":\"2023-11-14T22:13:20Z\"}\n";
  const std::string side =
      R"({"$stream":"side","label":"late","reason":"window_gone","unit":"-","offset":7,"record":{"a":2}})"
      "\n";
  const std::string without_offset =
      R"({"$stream":"side","label":"late","reason":"window_gone","unit":"-","record":{"a":2}})"
      "\n";
  const std::string caught_up = "{\"$stream\":\"caught-up\",\"unit\":\"-\"}\n";
  EXPECT_FALSE(compare(stream(kOpen, records + side), stream(kOtherOpen, caught_up + records + without_offset)));
  expect(stream(kOpen, records), stream(kOpen, "{\"a\":1}\n"), 2, 13,
         R"({"$stream":"watermark","unit":"-","time":"2023-11-14T22:13:20Z"})", std::string(kEnd.substr(0, 29)));
  expect(stream(kOpen, records + side), stream(kOpen, records), 3, 13,
         without_offset.substr(0, without_offset.size() - 1), std::string(kEnd.substr(0, 29)));
}

TEST_F(CheckOutputTest, CountsAndHashAreThoseOfTheResultsAlone) {
  const std::string side = R"({"$stream":"side","label":"late","reason":"window_gone","unit":"-","record":{"a":2}})"
                           "\n";
  CheckOutput output(*reference_, true);
  give(output, stream(kOpen, "{\"a\":1}\n" + side + "{\"a\":3}\n"));
  EXPECT_EQ(output.results(), 2U);
  EXPECT_EQ(output.result_bytes(), 16U);
  EXPECT_EQ(output.result_hash(), checkpoint::sha256_hex("{\"a\":1}\n{\"a\":3}\n"));
  EXPECT_EQ(output.sides().text(), "late 1");
  SetUp();
  CheckOutput raw(*reference_, true);
  give(raw, "one\ntwo\nthree");
  EXPECT_EQ(raw.results(), 3U);
  EXPECT_EQ(raw.result_hash(), checkpoint::sha256_hex("one\ntwo\nthree"));
}

// Long outputs, one byte changed, taken out or put in anywhere; also beyond one block of the comparison.
TEST_F(CheckOutputTest, AnyChangeIsFoundWhereItIs) {
  std::string first;
  while (first.size() < 200'000) first += std::string(random_() % 200, 'x') + '\n';
  EXPECT_FALSE(compare(first, first));
  for (int i = 0; i < 60; ++i) {
    std::string second = first;
    const size_t at = random_() % first.size();
    switch (i % 3) {
      case 0:
        second[at] = '#';
        break;
      case 1:
        second.insert(at, "#");
        break;
      default:
        second.resize(at);
    }
    const auto found = compare(first, second);
    ASSERT_TRUE(found) << i;
    const auto head = std::string_view(first).substr(0, at);
    const auto lines = static_cast<uint64_t>(std::ranges::count(head, '\n'));
    EXPECT_EQ(found->line, lines + 1);
    EXPECT_EQ(found->column, at - (lines == 0 ? 0 : head.rfind('\n') + 1) + 1);
  }
}

TEST_F(CheckOutputTest, ALineWithoutEndIsCut) {
  const std::string first(10 << 20, 'a');
  std::string second = first;
  second[5 << 20] = 'b';
  const auto found = compare(first, second);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->column, (5U << 20) + 1);
  EXPECT_LE(found->is->size(), 64U << 10);
  EXPECT_LE(found->was->size(), 64U << 10);
}

}  // namespace
}  // namespace streamutils::sreplay
