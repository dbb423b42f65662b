// SPDX-License-Identifier: Apache-2.0
#include "tools/sfilter/projection.hpp"

#include <gtest/gtest.h>

#include <random>

#include "lib/json/record_parser.hpp"

namespace streamutils::sfilter {
namespace {

std::string text_of(const Projection& projection, Slice slice) {
  EXPECT_EQ(projection.data()[slice.offset + slice.size], '\n');
  return {projection.data() + slice.offset, slice.size};
}

TEST(Projection, WritesMembersInItsOwnOrderAndLeavesMissingOnesOut) {
  Projection projection;
  projection.add(1, "\"b\"");
  projection.add(0, R"("a name that is longer than one step of copying, \"quoted\"")");
  std::vector<JsonValue> values(2);
  EXPECT_EQ(text_of(projection, projection.write(values)), "{}");
  const std::string number = "12.50" + std::string(kJsonPadding, '#');
  const std::string text = "\"" + std::string(1000, 'x') + "\"" + std::string(kJsonPadding, '#');
  values[0] = {JsonType::number, false, std::string_view(number).substr(0, 5)};
  const std::string a = R"("a name that is longer than one step of copying, \"quoted\"":)";
  EXPECT_EQ(text_of(projection, projection.write(values)), "{" + a + "12.50}");
  values[1] = {JsonType::string, false, std::string_view(text).substr(0, 1002)};
  EXPECT_EQ(text_of(projection, projection.write(values)), "{\"b\":\"" + std::string(1000, 'x') + "\"," + a + "12.50}");
  projection.clear();
  EXPECT_EQ(projection.write(values).offset, 0U);
}

TEST(Projection, ValuesOfEveryLength) {
  std::mt19937_64 random(1);
  Projection projection;
  projection.add(0, "\"k\"");
  projection.add(1, "\"v\"");
  std::string wanted;
  for (size_t size = 1; size < 300; ++size) {
    std::string k, v;
    for (size_t i = 0; i < size; ++i) k += static_cast<char>('a' + random() % 26);
    v = k.substr(size / 2);
    wanted += "{\"k\":" + k + ",\"v\":" + v + "}\n";
    const size_t v_size = v.size();
    k += std::string(kJsonPadding, '#');
    v += std::string(kJsonPadding, '#');
    const JsonValue values[] = {{JsonType::string, false, std::string_view(k).substr(0, size)},
                                {JsonType::string, false, std::string_view(v).substr(0, v_size)}};
    projection.write(values);
  }
  EXPECT_EQ(std::string(projection.data(), wanted.size()), wanted);
}

}  // namespace
}  // namespace streamutils::sfilter
