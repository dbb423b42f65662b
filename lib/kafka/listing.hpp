// SPDX-License-Identifier: Apache-2.0
// skafka-cat -L: the brokers, topics and partitions of a cluster as text or JSON.
#pragma once
#include <string>
#include <vector>

#include "lib/base/log.hpp"
#include "lib/kafka/config.hpp"

namespace streamutils {

/// Asks the cluster for `topics` (empty: all) and gives kcat's listing, or one JSON object. Blocks at most as long as a
/// first contact may take. Failures as for a read: cluster out of reach (failed), unknown topic or refused credentials
/// (usage).
Result<std::string> list_kafka(const KafkaConfig& config, const std::vector<std::string>& topics, bool as_json,
                               Log& log);

}  // namespace streamutils
