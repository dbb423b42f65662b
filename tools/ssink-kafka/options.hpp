// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "lib/kafka/producer.hpp"

namespace streamutils::ssink_kafka {

struct Options {
  KafkaOptions kafka;
  KafkaProducerSettings producer;
  std::optional<std::string> key;
  std::string cursor_topic;  ///< empty: one of this sink's own
};

int run(int argc, char** argv);

}  // namespace streamutils::ssink_kafka
