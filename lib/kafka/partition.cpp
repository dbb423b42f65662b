// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/partition.hpp"

#include <algorithm>

namespace streamutils::kafka {
namespace {

constexpr std::string_view kLagRecords = "stream_lag_records";
constexpr std::string_view kLagSeconds = "stream_lag_seconds";

Labels labels_of(const Partition& partition) {
  return {{"topic", partition.topic}, {"partition", std::to_string(partition.id)}};
}

}  // namespace

Partition& Assignment::add(const PartitionRange& range, UnitId unit) {
  auto partition = std::make_unique<Partition>();
  partition->unit = unit;
  partition->topic = range.topic;
  partition->id = range.partition;
  partition->next = range.start;
  partition->end = range.end;
  partition->finished = range.end && *range.end <= range.start;
  partition->flushed = partition->committed = range.start;
  return *partitions_.emplace_back(std::move(partition));
}

void Assignment::clear() {
  partitions_.clear();
  last_topic_ = nullptr;
  last_ = nullptr;
}

Partition* Assignment::find(rd_kafka_topic_t* topic, int32_t id) {
  if (topic == last_topic_ && last_ != nullptr && last_->id == id) return last_;
  last_topic_ = topic;
  last_ = topic == nullptr ? nullptr : find(std::string_view(rd_kafka_topic_name(topic)), id);
  return last_;
}

Partition* Assignment::find(std::string_view topic, int32_t id) {
  const auto found = std::ranges::find_if(partitions_, [&](const auto& p) { return p->id == id && p->topic == topic; });
  return found == partitions_.end() ? nullptr : found->get();
}

bool Assignment::all_finished() const {
  return std::ranges::all_of(partitions_, [](const auto& p) { return p->finished; });
}

void LagMetrics::begin(Partition& partition, int64_t log_end) {
  partition.lag_records =
      &metrics_.gauge(kLagRecords, "Records in the partition that were not read yet.", labels_of(partition));
  partition.log_end_moved = clock_.wall();
  partition.log_end = log_end;
  update(partition, log_end);
}

void LagMetrics::end(Partition& partition) {
  metrics_.remove(kLagRecords, labels_of(partition));
  if (partition.lag_seconds != nullptr) metrics_.remove(kLagSeconds, labels_of(partition));
  partition.lag_records = partition.lag_seconds = nullptr;
}

void LagMetrics::update(Partition& partition, int64_t log_end) {
  if (log_end > partition.log_end) {
    partition.log_end = log_end;
    partition.log_end_moved = clock_.wall();
  }
  if (partition.lag_records == nullptr) return;
  const bool at_end = partition.caught_up || partition.next >= partition.log_end;
  partition.lag_records->set(at_end ? 0 : static_cast<double>(partition.log_end - partition.next));
  if (!at_end && !partition.newest_us) return;  // not known before the first record
  if (partition.lag_seconds == nullptr) {
    partition.lag_seconds = &metrics_.gauge(
        kLagSeconds,
        "How much newer than the newest record read the partition's newest one can be, by Kafka timestamps.",
        labels_of(partition));
  }
  const int64_t lag_us = at_end ? 0 : std::max<int64_t>(0, partition.log_end_moved.us - *partition.newest_us);
  partition.lag_seconds->set(static_cast<double>(lag_us) / 1e6);
}

}  // namespace streamutils::kafka
