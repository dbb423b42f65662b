// SPDX-License-Identifier: Apache-2.0
// Numbers read and written eight digits at a time, against Decimal.
#include "lib/window/aggregates/number.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <random>
#include <string>

namespace streamutils::window {
namespace {

using Random = std::mt19937_64;

std::string digits(Random& random, uint64_t count) {
  std::string text;
  for (; count > 0; --count) text += static_cast<char>('0' + (random() % 4 == 0 ? 0 : random() % 10));
  return text;
}

TEST(Number, IntegersAreWrittenAsDecimalsAre) {
  Random random(1);
  std::vector<uint64_t> values = {0, 9, 10, 99'999'999, 100'000'000, UINT64_MAX, 10'000'000'000'000'000'000U};
  for (int i = 0; i < 100'000; ++i) values.push_back(random() >> (random() % 64));
  for (const uint64_t value : values) {
    std::string out = "x";
    append_integer(out, value);
    ASSERT_EQ(out, "x" + std::to_string(value));
  }
}

TEST(Number, ShortNumbersAreWrittenAsDecimalsAre) {
  Random random(2);
  for (int i = 0; i < 100'000; ++i) {
    int64_t coefficient = static_cast<int64_t>(random() >> (4 + random() % 60)) % 1'000'000'000'000'000'000;
    if (random() % 3 == 0) coefficient -= coefficient % 1000;
    if (random() % 2 == 0) coefficient = -coefficient;
    const int scale = coefficient == 0 ? 0 : static_cast<int>(random() % 19);
    std::string out;
    append_short(out, coefficient, scale);
    ASSERT_EQ(out, to_decimal(coefficient, scale).to_json()) << coefficient << " / 10^" << scale;
  }
}

/// Bits, so that zeros of both signs differ.
uint64_t bits(double value) { return std::bit_cast<uint64_t>(value); }

TEST(Number, PlainNumbersAreTheDoublesThatOthersAre) {
  Random random(4);
  int read = 0;
  for (int i = 0; i < 400'000; ++i) {
    std::string text = random() % 3 == 0 ? "-" : "";
    const uint64_t whole = random() % 7;
    text += whole == 0 ? "0" : std::string(1, static_cast<char>('1' + random() % 9)) + digits(random, whole - 1);
    if (random() % 3 != 0) text += '.' + digits(random, 1 + random() % 6);
    if (random() % 8 == 0) text += (random() % 2 == 0 ? "e" : "E-") + std::to_string(random() % 400);
    if (is_plain_number(text)) {
      ASSERT_EQ(text.find_first_of("eE"), text.npos) << text;
      ASSERT_TRUE(number_in_range(text)) << text;
    }
    double value = 0;
    ASSERT_EQ(plain_to_double(text, value), is_plain_number(text)) << text;
    if (!is_plain_number(text)) continue;
    ++read;
    ASSERT_EQ(bits(value), bits(number_to_double(text))) << text;
    ASSERT_EQ(bits(value), bits(std::strtod(text.c_str(), nullptr) + 0.0)) << text;
  }
  EXPECT_GT(read, 200'000);
}

TEST(Number, ShortNumbersAreReadAsDecimalsAre) {
  Random random(3);
  int read = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = random() % 3 == 0 ? "-" : "";
    const uint64_t whole = random() % 20;
    text += whole == 0 ? "0" : std::string(1, static_cast<char>('1' + random() % 9)) + digits(random, whole - 1);
    if (random() % 2 == 0) text += '.' + digits(random, 1 + random() % 12);
    const bool exponent = random() % 4 == 0;
    if (exponent) text += (random() % 2 == 0 ? "e" : "E-") + std::to_string(random() % 12);
    ASSERT_EQ(has_exponent(text), exponent) << text;
    ShortNumber number;
    if (!read_short(text, number)) continue;
    ++read;
    ASSERT_EQ(to_decimal(number.coefficient, number.scale), *Decimal::parse(text)) << text;
  }
  EXPECT_GT(read, 50'000);
}

}  // namespace
}  // namespace streamutils::window
