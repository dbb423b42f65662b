// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/listing.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "lib/json/text.hpp"
#include "lib/kafka/metadata.hpp"

namespace streamutils {
namespace {

using kafka::Client;

std::string join(std::span<const int32_t> ids) { return fmt::format("{}", fmt::join(ids, ",")); }

void append_text(std::string& out, const rd_kafka_metadata_t& all,
                 const std::vector<const rd_kafka_metadata_topic*>& topics) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "Metadata from broker {}: {}:\n {} brokers:\n", all.orig_broker_id, all.orig_broker_name,
                 all.broker_cnt);
  for (int i = 0; i < all.broker_cnt; ++i) {
    fmt::format_to(to, "  broker {} at {}:{}\n", all.brokers[i].id, all.brokers[i].host, all.brokers[i].port);
  }
  fmt::format_to(to, " {} topics:\n", topics.size());
  for (const auto* topic : topics) {
    fmt::format_to(to, "  topic \"{}\" with {} partitions:\n", topic->topic, topic->partition_cnt);
    for (int i = 0; i < topic->partition_cnt; ++i) {
      const rd_kafka_metadata_partition& p = topic->partitions[i];
      fmt::format_to(to, "    partition {}, leader {}, replicas: {}, isrs: {}\n", p.id, p.leader,
                     join({p.replicas, static_cast<size_t>(p.replica_cnt)}),
                     join({p.isrs, static_cast<size_t>(p.isr_cnt)}));
    }
  }
}

void append_json(std::string& out, const rd_kafka_metadata_t& all,
                 const std::vector<const rd_kafka_metadata_topic*>& topics) {
  auto to = std::back_inserter(out);
  out += R"({"brokers":[)";
  for (int i = 0; i < all.broker_cnt; ++i) {
    fmt::format_to(to, R"({}{{"id":{},"name":"{}:{}"}})", i == 0 ? "" : ",", all.brokers[i].id, all.brokers[i].host,
                   all.brokers[i].port);
  }
  out += R"(],"topics":[)";
  for (size_t t = 0; t < topics.size(); ++t) {
    out += t == 0 ? R"({"topic":)" : R"(,{"topic":)";
    append_json_string(out, topics[t]->topic);
    out += R"(,"partitions":[)";
    for (int i = 0; i < topics[t]->partition_cnt; ++i) {
      const rd_kafka_metadata_partition& p = topics[t]->partitions[i];
      fmt::format_to(to, R"({}{{"partition":{},"leader":{},"replicas":[{}],"isrs":[{}]}})", i == 0 ? "" : ",", p.id,
                     p.leader, join({p.replicas, static_cast<size_t>(p.replica_cnt)}),
                     join({p.isrs, static_cast<size_t>(p.isr_cnt)}));
    }
    out += "]}";
  }
  out += "]}\n";
}

}  // namespace

Result<std::string> list_kafka(const KafkaConfig& config, const std::vector<std::string>& topics, bool as_json,
                               Log& log) {
  for (const std::string& topic : topics) STREAM_TRY(kafka::check_topic_name(topic));
  kafka::ClientEvents events;
  STREAM_ASSIGN(std::shared_ptr<Client> client, Client::create(config, events, log));
  const auto list = [&]() -> Result<std::string> {
    const Duration bound = kafka::connect_bound(config);
    Result<std::vector<kafka::Topic>> known = kafka::fetch_topics(*client, topics, bound, true);
    if (!known.ok()) return known.take_status();
    STREAM_ASSIGN(const kafka::MetadataPtr all, kafka::fetch_metadata(*client, nullptr, bound, true));
    std::vector<const rd_kafka_metadata_topic*> wanted;
    for (int i = 0; i < all->topic_cnt; ++i) {
      const rd_kafka_metadata_topic& topic = all->topics[i];
      if (topics.empty() || std::ranges::find(topics, std::string_view(topic.topic)) != topics.end())
        wanted.push_back(&topic);
    }
    std::ranges::sort(wanted, {}, [](const auto* topic) { return std::string_view(topic->topic); });
    std::string out;
    as_json ? append_json(out, *all, wanted) : append_text(out, *all, wanted);
    return out;
  };
  Result<std::string> listing = list();
  client->detach();
  Client::close(std::move(client), false, nullptr, Duration{1'000'000});
  return listing;
}

}  // namespace streamutils
