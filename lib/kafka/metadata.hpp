// SPDX-License-Identifier: Apache-2.0
// What a cluster says of itself. Private to lib/kafka, except list_kafka() in listing.hpp.
#pragma once
#include <string>
#include <vector>

#include "lib/kafka/client.hpp"

namespace streamutils::kafka {

struct Topic {
  std::string name;
  int32_t partitions = 0;
};

/// How long the first contact with a cluster may take: 10 s, or socket.connection.setup.timeout.ms when that was set.
Duration connect_bound(const KafkaConfig& config);

/// A usage error unless Kafka allows the name.
Status check_topic_name(std::string_view name);

/// One answer of the cluster about `topic` (null: all), asked for until `deadline` in steady-clock time passes. Serves
/// the client's callbacks meanwhile only when `serve`. On failure: unreachable (Code::failed) or refused credentials
/// (Code::usage).
Result<MetadataPtr> fetch_metadata(Client& client, rd_kafka_topic_t* topic, Duration bound, bool serve);

/// The topics with their partition counts. A topic that does not exist or may not be read is a usage error that names
/// -L.
Result<std::vector<Topic>> fetch_topics(Client& client, const std::vector<std::string>& names, Duration bound,
                                        bool serve);

}  // namespace streamutils::kafka
