// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/statistics.hpp"

#include <gtest/gtest.h>

namespace streamutils::kafka {
namespace {

Statistics parse(std::string json) {
  const size_t size = json.size();
  json.append(kJsonPadding, '\0');
  return StatisticsParser().parse(std::string_view(json).substr(0, size));
}

TEST(Statistics, TellsWhatIsKnownOfEachPartition) {
  const Statistics s = parse(R"({"name":"x","brokers":{"b/1":{"nodeid":1,"state":"UP","rxidle":500},
      "b/2":{"nodeid":2,"state":"DOWN","rxidle":10},"b/3":{"nodeid":3,"state":"UP","rxidle":9000000}},
      "topics":{"a.b":{"partitions":{"0":{"broker":1,"next_offset":5,"eof_offset":5,"ls_offset":5,"hi_offset":6},
      "1":{"broker":2,"ls_offset":-1001},"2":{"broker":3},"-1":{"broker":-1}}}}})");
  EXPECT_TRUE(s.any_broker_up);
  ASSERT_EQ(s.partitions.size(), 3U);
  EXPECT_EQ(s.partitions[0].topic, "a.b");
  EXPECT_EQ(s.partitions[0].log_end, 5);
  EXPECT_EQ(s.partitions[0].eof_offset, 5);
  EXPECT_TRUE(s.partitions[0].leader_answers);
  EXPECT_FALSE(s.partitions[1].leader_answers) << "it is down";
  EXPECT_FALSE(s.partitions[2].leader_answers) << "it has been silent for 9 s";
}

TEST(Statistics, WhatIsNoJsonTellsNothing) {
  EXPECT_TRUE(parse("").partitions.empty());
  EXPECT_TRUE(parse("{\"topics\":").partitions.empty());
  EXPECT_TRUE(parse("{\"topics\":[1]}").partitions.empty());
}

}  // namespace
}  // namespace streamutils::kafka
