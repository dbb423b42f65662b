// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/metadata.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

namespace streamutils::kafka {
namespace {

using Steady = std::chrono::steady_clock;

int remaining_ms(Steady::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1'000'000));
}

Status topic_status(const Client& client, const rd_kafka_metadata_topic& topic) {
  switch (topic.err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return usage_error("topic '{}' does not exist at '{}'; 'skafka-cat -b {} -L' lists the topics", topic.topic,
                         client.brokers(), client.brokers());
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return usage_error("not authorized for topic '{}' at '{}'; check its ACLs and the sasl.* properties", topic.topic,
                         client.brokers());
    default:
      return failed("cannot use topic '{}' at '{}': {}", topic.topic, client.brokers(), error_text(topic.err));
  }
}

}  // namespace

Duration connect_bound(const KafkaConfig& config) {
  const std::string_view text = config.get("socket.connection.setup.timeout.ms");
  int64_t ms = 10'000;
  std::from_chars(text.data(), text.data() + text.size(), ms);
  return Duration{ms * 1000};
}

Status check_topic_name(std::string_view name) {
  const bool legal = !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
                     name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                         std::string_view::npos;
  if (legal) return {};
  return usage_error("'{}' is no topic name: Kafka allows letters, digits, '.', '_' and '-', at most 249", name);
}

Result<MetadataPtr> fetch_metadata(Client& client, rd_kafka_topic_t* topic, Duration bound, bool serve) {
  const auto deadline = Steady::now() + std::chrono::microseconds(bound.us);
  while (true) {
    const int patience = std::min(remaining_ms(deadline), 1000);
    const rd_kafka_metadata_t* raw = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_metadata(client.get(), topic == nullptr ? 1 : 0, topic, &raw, std::max(patience, 1));
    MetadataPtr metadata(raw);
    if (serve) rd_kafka_poll(client.get(), 0);
    const bool starting = error == RD_KAFKA_RESP_ERR_NO_ERROR && topic != nullptr && metadata->topic_cnt == 1 &&
                          (metadata->topics[0].err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                           metadata->topics[0].err == RD_KAFKA_RESP_ERR__WAIT_CACHE);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && !starting) {
      client.set_connected();
      return metadata;
    }
    STREAM_TRY(client.trouble());
    if (remaining_ms(deadline) == 0 || client.detached()) return client.unreachable();
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(50, remaining_ms(deadline))));
  }
}

Result<std::vector<Topic>> fetch_topics(Client& client, const std::vector<std::string>& names, Duration bound,
                                        bool serve) {
  std::vector<Topic> topics;
  for (const std::string& name : names) {
    const TopicPtr handle(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
    if (!handle) return usage_error("'{}': {}", name, error_text(rd_kafka_last_error()));
    STREAM_ASSIGN(const MetadataPtr metadata, fetch_metadata(client, handle.get(), bound, serve));
    if (metadata->topic_cnt != 1) return failed("'{}' gave no answer about topic '{}'", client.brokers(), name);
    const rd_kafka_metadata_topic& topic = metadata->topics[0];
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) return topic_status(client, topic);
    topics.push_back({name, topic.partition_cnt});
  }
  return topics;
}

}  // namespace streamutils::kafka
