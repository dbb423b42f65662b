// SPDX-License-Identifier: Apache-2.0
// A compacted topic that remembers the last value of a key: how far a transactional writer has come. Private to
// lib/kafka.
//
// Partition 0 is the one that is used, however many there are.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.hpp"
#include "lib/kafka/client.hpp"

namespace streamutils::kafka {

/// Makes the topic when it is not there: compacted, one partition, as many replicas as the broker's default says, small
/// segments, so that it stays short. Returns when its partition has a leader.
/// Usage errors: it may not be made (with the command that makes it), or is there and loses what is old.
/// Blocks for at most `bound` a request, serving no callbacks: for a Task.
Status ensure_compacted_topic(Client& client, const std::string& topic, Duration bound);

struct LastValueQuery {
  std::string topic;
  std::string key;
  Duration patience;  ///< how long to wait for the cluster, and for a transaction that holds the topic back
  std::function<bool()> abandoned;  ///< asked ten times a second; empty: never
};

/// The last value of the key among all that was committed when this was called; empty: there is none, or a tombstone.
/// Reads to what was the topic's end once the read had begun. An open transaction before that end, of whoever shares
/// the topic, hides what comes after it: such a one is waited for. REQUIRES: the key's own writer has none open.
Result<std::optional<std::string>> read_last_value(const KafkaConfig& reader, const LastValueQuery& query,
                                                   const Clock& clock, Log& log);

}  // namespace streamutils::kafka
