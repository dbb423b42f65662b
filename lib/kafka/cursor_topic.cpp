// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/cursor_topic.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <thread>

#include "lib/kafka/metadata.hpp"
#include "lib/kafka/task.hpp"

namespace streamutils::kafka {
namespace {

using EventPtr = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using OptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;
using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
using ResourcePtr = std::unique_ptr<rd_kafka_ConfigResource_t, Destroy<rd_kafka_ConfigResource_destroy>>;

struct Answer {
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string text;  // of the error; without one, what was asked for
};

Answer answer(rd_kafka_resp_err_t error, const char* text) {
  return {error, text != nullptr ? std::string(text) : std::string(error_text(error))};
}

/// One admin request that `submit` gives to a queue; `read` finds the answer in the event.
template <class Submit, class Read>
Result<Answer> ask(Client& client, rd_kafka_admin_op_t operation, Duration bound, Submit submit, Read read) {
  const int bound_ms = static_cast<int>(std::max<int64_t>(bound.us / 1000, 1));
  std::array<char, 256> why{};
  const QueuePtr queue(rd_kafka_queue_new(client.get()));
  const OptionsPtr options(rd_kafka_AdminOptions_new(client.get(), operation));
  if (rd_kafka_AdminOptions_set_request_timeout(options.get(), bound_ms, why.data(), why.size()) != 0) {
    return failed("cannot ask Kafka at '{}': {}", client.brokers(), why.data());
  }
  submit(options.get(), queue.get());
  const EventPtr event(rd_kafka_queue_poll(queue.get(), bound_ms + 1000));
  if (!event) return client.unreachable();
  const rd_kafka_resp_err_t error = rd_kafka_event_error(event.get());
  if (error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT) return client.unreachable();
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return answer(error, rd_kafka_event_error_string(event.get()));
  return read(event.get());
}

/// cleanup.policy of the topic.
Result<Answer> ask_policy(Client& client, const std::string& topic, Duration bound) {
  const ResourcePtr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  return ask(
      client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, bound,
      [&](auto* options, auto* queue) {
        rd_kafka_ConfigResource_t* all[] = {resource.get()};
        rd_kafka_DescribeConfigs(client.get(), all, 1, options, queue);
      },
      [](rd_kafka_event_t* event) -> Answer {
        size_t count = 0;
        const auto* all =
            rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
        if (count != 1) return answer(RD_KAFKA_RESP_ERR__BAD_MSG, nullptr);
        if (const auto error = rd_kafka_ConfigResource_error(all[0]); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
          return answer(error, rd_kafka_ConfigResource_error_string(all[0]));
        }
        size_t entries = 0;
        const auto* entry = rd_kafka_ConfigResource_configs(all[0], &entries);
        for (size_t i = 0; i < entries; ++i) {
          const char* value = rd_kafka_ConfigEntry_value(entry[i]);
          if (std::string_view(rd_kafka_ConfigEntry_name(entry[i])) == "cleanup.policy" && value != nullptr) {
            return {RD_KAFKA_RESP_ERR_NO_ERROR, value};
          }
        }
        return answer(RD_KAFKA_RESP_ERR__BAD_MSG, nullptr);
      });
}

struct Property {
  const char* key;
  const char* value;
};

Result<Answer> ask_to_create(Client& client, const std::string& topic, std::initializer_list<Property> properties,
                             Duration bound) {
  std::array<char, 256> why{};
  const NewTopicPtr wanted(rd_kafka_NewTopic_new(topic.c_str(), 1, -1, why.data(), why.size()));
  if (!wanted) return usage_error("cannot make topic '{}': {}", topic, why.data());
  for (const Property& p : properties) rd_kafka_NewTopic_set_config(wanted.get(), p.key, p.value);
  return ask(
      client, RD_KAFKA_ADMIN_OP_CREATETOPICS, bound,
      [&](auto* options, auto* queue) {
        rd_kafka_NewTopic_t* all[] = {wanted.get()};
        rd_kafka_CreateTopics(client.get(), all, 1, options, queue);
      },
      [](rd_kafka_event_t* event) -> Answer {
        size_t count = 0;
        const auto* all = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        if (count != 1) return answer(RD_KAFKA_RESP_ERR__BAD_MSG, nullptr);
        return answer(rd_kafka_topic_result_error(all[0]), rd_kafka_topic_result_error_string(all[0]));
      });
}

Status create(Client& client, const std::string& topic, Duration bound) {
  STREAM_ASSIGN(Answer made, ask_to_create(client, topic,
                                           {{"cleanup.policy", "compact"},
                                            {"segment.bytes", "1048576"},
                                            {"segment.ms", "3600000"},
                                            {"min.cleanable.dirty.ratio", "0.1"}},
                                           bound));
  // Some clusters have bounds of their own for segments.
  if (made.error == RD_KAFKA_RESP_ERR_INVALID_CONFIG || made.error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION) {
    STREAM_ASSIGN(made, ask_to_create(client, topic, {{"cleanup.policy", "compact"}}, bound));
  }
  switch (made.error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return {};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return usage_error(
          "cannot make topic '{}', which is to hold the cursor: {}; make it with 'kafka-topics.sh --bootstrap-server "
          "{} "
          "--create --topic {} --partitions 1 --config cleanup.policy=compact', or name another with --cursor-topic",
          topic, made.text, client.brokers(), topic);
    default:
      return failed("cannot make topic '{}' at '{}': {}", topic, client.brokers(), made.text);
  }
}

/// A topic just made is not known everywhere at once.
Status wait_for_leader(Client& client, const std::string& topic, Duration bound) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(bound.us);
  const TopicPtr handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  if (!handle) return usage_error("'{}': {}", topic, error_text(rd_kafka_last_error()));
  while (true) {
    STREAM_ASSIGN(const MetadataPtr metadata, fetch_metadata(client, handle.get(), bound, false));
    const rd_kafka_metadata_topic* found = metadata->topic_cnt == 1 ? &metadata->topics[0] : nullptr;
    if (found != nullptr && found->err == RD_KAFKA_RESP_ERR_NO_ERROR && found->partition_cnt > 0 &&
        found->partitions[0].leader >= 0) {
      return {};
    }
    if (found != nullptr && found->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
      return usage_error("not authorized for topic '{}' at '{}'; check its ACLs and the sasl.* properties", topic,
                         client.brokers());
    }
    if (std::chrono::steady_clock::now() > deadline || client.detached()) {
      return failed("topic '{}' at '{}' has no leader", topic, client.brokers());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

Status ensure_compacted_topic(Client& client, const std::string& topic, Duration bound) {
  // Metadata would do to see whether it is there, but asking for it can make the topic, with the broker's properties.
  STREAM_ASSIGN(Answer policy, ask_policy(client, topic, bound));
  if (policy.error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    STREAM_TRY(create(client, topic, bound));
    STREAM_TRY(wait_for_leader(client, topic, bound));
    STREAM_ASSIGN(policy, ask_policy(client, topic, bound));
  }
  switch (policy.error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return usage_error(
          "may not ask whether topic '{}', which is to hold the cursor, is compacted: {}; allow DescribeConfigs on it",
          topic, policy.text);
    default:
      return failed("cannot look at topic '{}' at '{}': {}", topic, client.brokers(), policy.text);
  }
  if (policy.text != "compact") {
    return usage_error(
        "topic '{}' is to hold the cursor, but with cleanup.policy={} it forgets old records; set it with "
        "'kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {} --add-config "
        "cleanup.policy=compact', or name another topic with --cursor-topic",
        topic, policy.text, client.brokers(), topic);
  }
  return wait_for_leader(client, topic, bound);
}

namespace {

/// A consumer of one partition, closed in the background.
class PartitionReader {
 public:
  static Result<std::unique_ptr<PartitionReader>> create(const KafkaConfig& config, const LastValueQuery& query,
                                                         Log& log) {
    std::unique_ptr<PartitionReader> reader(new PartitionReader());
    STREAM_ASSIGN(reader->client_, Client::create(config, *reader->events_, log));
    using Topics = Result<std::vector<Topic>>;
    const Duration bound = connect_bound(config);
    // Without metadata at hand the first fetch takes half a second.
    std::optional<Topics> topics = run_task<Topics>(
        reader->client_,
        [name = query.topic, bound](Client& client) { return fetch_topics(client, {name}, bound, false); },
        query.abandoned);
    if (!topics) return abandoned_status();
    if (!topics->ok()) return topics->take_status();
    reader->topic_.reset(rd_kafka_topic_new(reader->client_->get(), query.topic.c_str(), nullptr));
    if (!reader->topic_ || rd_kafka_consume_start(reader->topic_.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0) {
      return failed("cannot read topic '{}': {}", query.topic, error_text(rd_kafka_last_error()));
    }
    reader->started_ = true;
    return reader;
  }

  ~PartitionReader() {
    if (!client_) return;
    client_->detach();
    if (started_) rd_kafka_consume_stop(topic_.get(), 0);
    topic_.reset();
    Client::close(std::move(client_), false, nullptr, Duration{0});
  }

  MessagePtr next(int patience_ms) {
    rd_kafka_poll(client_->get(), 0);
    return MessagePtr(rd_kafka_consume(topic_.get(), 0, patience_ms));
  }

  /// The end of the partition, open transactions and all, as the last fetch saw it.
  [[nodiscard]] std::optional<int64_t> end() const {
    int64_t low = -1;
    int64_t high = -1;
    const auto error =
        rd_kafka_get_watermark_offsets(client_->get(), rd_kafka_topic_name(topic_.get()), 0, &low, &high);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
    return high;
  }

  [[nodiscard]] Client& client() { return *client_; }

 private:
  PartitionReader() = default;
  const std::unique_ptr<ClientEvents> events_ = std::make_unique<ClientEvents>();
  std::shared_ptr<Client> client_;
  TopicPtr topic_;
  bool started_ = false;
};

bool passing(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
         error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__RESOLVE ||
         error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

}  // namespace

Result<std::optional<std::string>> read_last_value(const KafkaConfig& config, const LastValueQuery& query,
                                                   const Clock& clock, Log& log) {
  STREAM_ASSIGN(const std::unique_ptr<PartitionReader> reader, PartitionReader::create(config, query, log));
  const MonoTime give_up = clock.mono() + query.patience;
  std::string value;
  bool there = false;
  std::optional<int64_t> end;
  bool waiting_said = false;
  while (true) {
    const MessagePtr message = reader->next(100);
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const std::string_view key(static_cast<const char*>(message->key), message->key_len);
      if (key != query.key) continue;
      there = message->payload != nullptr;
      if (there) value.assign(static_cast<const char*>(message->payload), message->len);
      continue;
    }
    if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // Markers of transactions occupy offsets, and this one is behind them.
      if (!end) end = reader->end();
      if (end && message->offset >= *end) return there ? std::optional(std::move(value)) : std::nullopt;
      if (!waiting_said) log.info("waiting for a transaction of another program to end in topic '{}'", query.topic);
      waiting_said = true;
    } else if (message && !passing(message->err)) {
      return failed("cannot read topic '{}': {}", query.topic, rd_kafka_message_errstr(message.get()));
    }
    STREAM_TRY(reader->client().trouble());
    if (query.abandoned && query.abandoned()) return abandoned_status();
    if (clock.mono() < give_up) continue;
    if (waiting_said) {
      return failed(
          "a transaction of another program hides the end of topic '{}'; let it end, or give each sink a topic "
          "of its own",
          query.topic);
    }
    return reader->client().unreachable();
  }
}

}  // namespace streamutils::kafka
