// SPDX-License-Identifier: Apache-2.0
// Writes records to one topic: idempotent, so that retries neither double nor reorder; nothing is taken for written
// before Kafka has acknowledged it.
//
// Thread rule: one thread. Calls wait only where they say so; while they wait they ask `abandoned` ten times a second.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/kafka/config.hpp"
#include "lib/stream/context.hpp"

namespace streamutils {

struct KafkaProducerSettings {
  std::string topic;
  std::string partitioner = "murmur2_random";  ///< of records with a key; those without go anywhere
  std::string codec = "none";
  /// True when waiting has become pointless. Empty: never.
  std::function<bool()> abandoned;
};

class KafkaProducer {
 public:
  /// Checks the settings; does not connect. On failure: a usage error.
  static Result<std::unique_ptr<KafkaProducer>> create(KafkaConfig config, KafkaProducerSettings settings,
                                                       Context& context);
  /// Gives what was produced one second more, then drops it; closes for at most three seconds.
  ~KafkaProducer();

  /// Waits for the cluster, at most 10 s the first time. A topic that does not exist is a usage error. Repeated calls
  /// cost nothing.
  Status connect();
  /// Takes a copy; waits while the queue is full. REQUIRES: connect() succeeded. Any failure so far is returned here
  /// too.
  Status produce(std::string_view value, std::optional<std::string_view> key);
  /// Takes note of acknowledgements without waiting. Fails once a record could not be delivered (in
  /// message.timeout.ms).
  Status poll();
  /// Waits until everything produced is acknowledged.
  Status flush();
  [[nodiscard]] bool idle() const;  ///< everything produced was acknowledged
  [[nodiscard]] int64_t acknowledged() const;

  class Impl;

 private:
  explicit KafkaProducer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils
