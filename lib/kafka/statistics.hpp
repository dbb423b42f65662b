// SPDX-License-Identifier: Apache-2.0
// What is needed of librdkafka's statistics. Private to lib/kafka.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/record_parser.hpp"

namespace streamutils::kafka {

struct PartitionStatistics {
  std::string topic;
  int32_t partition = -1;
  int64_t log_end = -1;         ///< the last stable offset, -1001 or -1 when not known yet
  int64_t next_offset = -1;     ///< the next offset to be fetched
  int64_t eof_offset = -1;      ///< where the end of the log was last reported
  bool has_broker = false;      ///< not so while there is no leader, nor when the topic was deleted
  bool leader_answers = false;  ///< its broker is up and sent something within the last 1.5 s
};

struct Statistics {
  std::vector<PartitionStatistics> partitions;
  bool any_broker_up = false;
};

class StatisticsParser {
 public:
  StatisticsParser();
  /// REQUIRES: kJsonPadding readable bytes behind `json`. What cannot be understood is left out.
  Statistics parse(std::string_view json);

 private:
  using Members = std::vector<RecordParser::Member>;
  Members members(std::string_view object);

  RecordParser parser_;
};

}  // namespace streamutils::kafka
