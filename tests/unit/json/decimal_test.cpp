// SPDX-License-Identifier: Apache-2.0
#include "lib/json/decimal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace streamutils {
namespace {

Decimal decimal(std::string_view text) {
  const auto value = Decimal::parse(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value.value_or(Decimal());
}
std::string canonical(std::string_view text) { return decimal(text).to_json(); }

TEST(Decimal, SumsAreExact) {
  EXPECT_EQ((decimal("0.1") + decimal("0.2")).to_json(), "0.3");
  Decimal sum;
  for (int i = 0; i < 10; ++i) sum += decimal("0.1");
  EXPECT_EQ(sum, Decimal(1));
  EXPECT_EQ(canonical("9007199254740993"), "9007199254740993");
  EXPECT_EQ((decimal("1e300") + decimal("1e-300") - decimal("1e300")).to_json(), "1e-300");
  EXPECT_EQ((Decimal(std::numeric_limits<int64_t>::max()) + Decimal(1)).to_json(), "9223372036854775808");
  EXPECT_EQ((-Decimal(std::numeric_limits<int64_t>::min())).to_json(), "9223372036854775808");
  EXPECT_EQ((decimal("99999999999999999999999999") + decimal("1")).to_json(), "1e+26");
}

TEST(Decimal, OneCanonicalForm) {
  for (const char* one : {"1", "1.0", "1.000", "10e-1", "0.1e1", "1e0", "1E+0", "100e-2"}) {
    EXPECT_EQ(canonical(one), "1") << one;
  }
  EXPECT_EQ(canonical("-0"), "0");
  EXPECT_EQ(canonical("-0.00e5"), "0");
  EXPECT_EQ(canonical("0e999999999999"), "0");
  EXPECT_EQ(canonical("1e20"), "100000000000000000000");
  EXPECT_EQ(canonical("1e21"), "1e+21");
  EXPECT_EQ(canonical("0.000001"), "0.000001");
  EXPECT_EQ(canonical("0.0000001"), "1e-7");
  EXPECT_EQ(canonical("-123.4500"), "-123.45");
  EXPECT_EQ(canonical("123456789012345678901234567890.5"), "1.234567890123456789012345678905e+29");
}

TEST(Decimal, ParsesNumbersOnly) {
  for (const char* text : {"", "-", "+1", "01", "1.", ".1", "1e", "1e+", "0x1", " 1", "1 ", "NaN", "1,0", "--1"}) {
    EXPECT_FALSE(Decimal::parse(text).has_value()) << text;
  }
}

TEST(Decimal, RangeAndLength) {
  EXPECT_TRUE(Decimal::parse("1e400"));
  EXPECT_TRUE(Decimal::parse("9.99e400"));
  EXPECT_FALSE(Decimal::parse("1e401"));
  EXPECT_FALSE(Decimal::parse("10e400"));
  EXPECT_TRUE(Decimal::parse("1e-400"));
  EXPECT_FALSE(Decimal::parse("0.1e-400"));
  EXPECT_FALSE(Decimal::parse("1e99999999999999999999"));
  EXPECT_TRUE(Decimal::parse("0." + std::string(998, '7')));
  EXPECT_FALSE(Decimal::parse("0." + std::string(1'000, '7')));
  EXPECT_FALSE(Decimal::parse(std::string(402, '7')));
  const Decimal big = decimal("9e400");
  EXPECT_TRUE(big.in_range());
  EXPECT_FALSE((big + big).in_range());
  EXPECT_TRUE((big + big - big).in_range()) << "a sum may leave the range and come back";
  EXPECT_FALSE((big * big).in_range());
}

TEST(Decimal, LongChainsOfProductsStayBounded) {
  Decimal large = decimal("1." + std::string(400, '7') + "e300");
  Decimal small = decimal("1." + std::string(400, '7') + "e-300");
  for (int i = 0; i < 64; ++i) {
    large = large * large;
    small = small * small;
  }
  EXPECT_FALSE(large.in_range());
  EXPECT_FALSE(small.in_range());
  EXPECT_FALSE((large - large).in_range());
  EXPECT_FALSE((large + Decimal(1)).in_range());
  EXPECT_FALSE((-large).in_range());
  EXPECT_FALSE(Decimal::divide(large, Decimal(2)).has_value());
  EXPECT_FALSE(Decimal::remainder(large, Decimal(2)).has_value());
  EXPECT_GT(large, Decimal(1));
  EXPECT_LT(-large, Decimal(1));
}

TEST(Decimal, DivisionRoundsHalfEvenTo17Digits) {
  const auto quotient = [](std::string_view a, std::string_view b) {
    const auto q = Decimal::divide(decimal(a), decimal(b));
    return q ? q->to_json() : "none";
  };
  EXPECT_EQ(quotient("1", "3"), "0.33333333333333333");
  EXPECT_EQ(quotient("2", "3"), "0.66666666666666667");
  EXPECT_EQ(quotient("1", "8"), "0.125");
  EXPECT_EQ(quotient("-7", "2"), "-3.5");
  EXPECT_EQ(quotient("100000000000000005", "10"), "10000000000000000");
  EXPECT_EQ(quotient("100000000000000015", "10"), "10000000000000002");
  EXPECT_EQ(quotient("999999999999999999", "1"), "1000000000000000000");
  EXPECT_EQ(quotient("123456789012345678901234567890", "123456789012345678901234567890"), "1");
  EXPECT_EQ(quotient("1", "0"), "none");
  EXPECT_EQ(quotient("0", "5"), "0");
  EXPECT_EQ(quotient("1e400", "1e-400"), "none");
}

TEST(Decimal, RemainderHasTheSignOfTheDividend) {
  EXPECT_EQ(Decimal::remainder(decimal("7"), decimal("-3"))->to_json(), "1");
  EXPECT_EQ(Decimal::remainder(decimal("-7"), decimal("3"))->to_json(), "-1");
  EXPECT_EQ(Decimal::remainder(decimal("0.7"), decimal("0.2"))->to_json(), "0.1");
  EXPECT_EQ(Decimal::remainder(decimal("1e50"), decimal("7"))->to_json(), "2");
  EXPECT_FALSE(Decimal::remainder(Decimal(1), Decimal()).has_value());
}

TEST(Decimal, OrderAcrossForms) {
  const Decimal ascending[] = {decimal("-1e300"),
                               decimal("-2"),
                               decimal("-1.5"),
                               decimal("-1e-300"),
                               decimal("0"),
                               decimal("1e-300"),
                               decimal("0.1"),
                               decimal("1"),
                               decimal("1.00001"),
                               decimal("10"),
                               decimal("9007199254740993"),
                               decimal("9007199254740993.5"),
                               decimal("123456789012345678901234567890"),
                               decimal("1e300")};
  for (size_t i = 0; i < std::size(ascending); ++i) {
    for (size_t k = 0; k < std::size(ascending); ++k) {
      EXPECT_EQ(ascending[i] <=> ascending[k], i <=> k) << i << " " << k;
    }
  }
  EXPECT_EQ(decimal("1e2"), decimal("100.0"));
}

TEST(Decimal, Integers) {
  EXPECT_EQ(decimal("9223372036854775807").to_int64(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(decimal("-9223372036854775808").to_int64(), std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(decimal("9223372036854775808").to_int64());
  EXPECT_EQ(decimal("1.5e1").to_int64(), 15);
  EXPECT_EQ(decimal("120e-1").to_int64(), 12);
  EXPECT_FALSE(decimal("1.5").to_int64());
  EXPECT_FALSE(decimal("1e19").to_int64());
  EXPECT_EQ(decimal("0e5").to_int64(), 0);
}

TEST(Decimal, DoublesAreCorrectlyRounded) {
  EXPECT_EQ(decimal("0.1").to_double(), 0.1);
  EXPECT_EQ(decimal("9007199254740993").to_double(), 9007199254740992.0);
  EXPECT_EQ(decimal("1e400").to_double(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(decimal("-1e400").to_double(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(decimal("1e-400").to_double(), 0);
  EXPECT_EQ(decimal("5e-324").to_double(), std::numeric_limits<double>::denorm_min());
  // Just above the midpoint of 2^53 and 2^53 + 2, told only by the last of 960 digits.
  EXPECT_EQ(decimal("9007199254740993." + std::string(943, '0') + "1").to_double(), 9007199254740994.0);
  std::mt19937_64 random(5);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t bits = random();
    double value = 0;
    static_assert(sizeof bits == sizeof value);
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) {
      EXPECT_FALSE(Decimal::from_double(value).has_value());
    } else {
      ASSERT_EQ(Decimal::from_double(value)->to_double(), value);
    }
  }
}

TEST(Decimal, RandomTextsKeepTheirValue) {
  std::mt19937 random(17);
  for (int i = 0; i < 50'000; ++i) {
    std::string text = random() % 2 ? "-" : "";
    text += std::to_string(random() % 10 == 0 ? 0 : 1 + random() % 9);
    if (text.back() != '0') {
      for (size_t n = random() % 30; n > 0; --n) text += static_cast<char>('0' + random() % 10);
    }
    if (random() % 2) {
      text += '.';
      for (size_t n = 1 + random() % 30; n > 0; --n) text += static_cast<char>('0' + random() % 10);
    }
    if (random() % 2) text += "e" + std::to_string(static_cast<int>(random() % 600) - 300);
    const Decimal value = decimal(text);
    const Decimal again = decimal(value.to_json());
    ASSERT_EQ(value, again) << text;
    ASSERT_EQ(value.to_json(), again.to_json()) << text;
    ASSERT_TRUE((value - again).is_zero()) << text;
    ASSERT_EQ((value + value).to_json(), (value * Decimal(2)).to_json()) << text;
  }
}

}  // namespace
}  // namespace streamutils
