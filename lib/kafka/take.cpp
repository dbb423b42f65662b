// SPDX-License-Identifier: Apache-2.0
// From fetched messages to records and control items.
#include <poll.h>

#include <algorithm>

#include "lib/kafka/source_impl.hpp"

namespace streamutils {
namespace {

constexpr size_t kBatchBytes = size_t{256} << 10;
constexpr int kNudgeBoundMs = 200;

std::optional<int64_t> timestamp_ms(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t ms = rd_kafka_message_timestamp(&message, &type);
  if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0) return std::nullopt;
  return ms;
}

std::optional<int64_t> timestamp_us(const rd_kafka_message_t& message) {
  const std::optional<int64_t> ms = timestamp_ms(message);
  int64_t us = 0;
  if (!ms || __builtin_mul_overflow(*ms, 1000, &us)) return std::nullopt;
  return us;
}

kafka::Bytes bytes_of(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

/// Lets librdkafka call back without taking records; what comes out is handled all the same.
void KafkaSource::Impl::serve_callbacks() {
  // No partition is assigned while this is used: only callbacks and errors can come out.
  while (kafka::MessagePtr message{rd_kafka_consume_queue(queue_.get(), 0)}) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      context_.log.debug("kafka: {}", rd_kafka_message_errstr(message.get()));
  }
}

/// Takes what the queue holds, up to `most` (REQUIRES: > 0), into fetched_; returns how many.
size_t KafkaSource::Impl::take_from(rd_kafka_queue_t* queue, size_t most) {
  const ssize_t n = rd_kafka_consume_batch_queue(queue, 0, fetched_.data(), most);
  if (n > 0) return static_cast<size_t>(n);
  // Only the single call re-arms the wake-up of rd_kafka_queue_io_event_enable() (librdkafka 2.0.2): without it a
  // message that came meanwhile slept until the next statistics.
  fetched_[0] = rd_kafka_consume_queue(queue, 0);
  return fetched_[0] == nullptr ? 0 : 1;
}

/// Wakes the fetching threads when a quarter of what the queue may hold was taken. librdkafka 2.0.2 stops fetching
/// while its queue is full and looks again only when its thread has another reason to wake, a second later at most (2.3
/// has fetch.queue.backoff.ms for it): any request to the broker is such a reason. 5 M events through three stages: 5.2
/// s, without it 13. The answer comes behind those to fetches, so nobody waits for it: what is queued is taken
/// meanwhile.
void KafkaSource::Impl::nudge_fetchers() {
  if (taken_bytes_ < nudge_bytes_ || disconnected_) return;
  if (nudge_ && !nudge_->take()) return;
  nudge_.reset();
  taken_bytes_ = 0;
  std::vector<std::pair<std::string, int32_t>> read;
  for (const auto& partition : assignment_.all()) {
    if (!partition->finished && !partition->caught_up) read.emplace_back(partition->topic, partition->id);
  }
  if (read.empty()) return;
  nudge_ = std::make_unique<kafka::Task<bool>>(client_, [read = std::move(read)](kafka::Client& client) {
    const kafka::ListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(read.size())));
    for (const auto& [topic, id] : read) {
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), id)->offset = RD_KAFKA_OFFSET_END;
    }
    return rd_kafka_offsets_for_times(client.get(), list.get(), kNudgeBoundMs) == RD_KAFKA_RESP_ERR_NO_ERROR;
  });
}

/// So that no thread is in librdkafka when the process ends. Takes as long as the broker does, and never longer than
/// the bound.
void KafkaSource::Impl::await_nudge() {
  constexpr int kLookEveryMs = 10;
  for (int waited = 0; nudge_ && !nudge_->take() && waited <= kNudgeBoundMs; waited += kLookEveryMs) {
    pollfd fd{client_->wake_fd(), POLLIN, 0};
    ::poll(&fd, 1, kLookEveryMs);
    client_->clear_wake();
  }
  nudge_.reset();
}

Result<bool> KafkaSource::Impl::take(Output& out) {
  size_t count = 0;
  if (!shares_) {
    // Safe here: nothing is sought or resumed, partitions are paused only for good.
    count = take_from(queue_.get(), fetched_.size());
  } else {
    // One by one: a batch could hold messages of both sides of a rebalance.
    while (count < fetched_.size() && rebalances_.empty()) {
      rd_kafka_message_t* message = rd_kafka_consume_queue(queue_.get(), 0);
      if (message == nullptr) break;
      fetched_[count++] = message;
    }
  }
  Status status;
  for (size_t i = 0; i < count; ++i) {
    const kafka::MessagePtr message(fetched_[i]);
    if (status.ok() && !counted_out_) status = handle(*message, out);
  }
  STREAM_TRY(flush_batch(out));
  if (!status.ok()) return status;
  return count > 0;
}

Status KafkaSource::Impl::handle(const rd_kafka_message_t& message, Output& out) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return handle_error(message, out);
  Partition* partition = assignment_.find(message.rkt, message.partition);
  if (partition == nullptr || !wanted(*partition, message)) return {};
  return deliver(*partition, message, out);
}

/// False for what lies outside the range or has been given before.
bool KafkaSource::Impl::wanted(Partition& partition, const rd_kafka_message_t& message) {
  if (partition.end && message.offset >= *partition.end) {
    partition.finished = true;
    pass(partition, *partition.end);
  }
  if (partition.finished) {
    if (!partition.paused) {  // for good: what a live producer adds behind the range is not fetched in vain
      partition.paused = true;
      const kafka::ListPtr list(rd_kafka_topic_partition_list_new(1));
      rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.id);
      rd_kafka_pause_partitions(client_->get(), list.get());
    }
    return false;
  }
  return message.offset >= partition.next;
}

/// What lies between the last record and `next` is none: markers, aborted or compacted records.
void KafkaSource::Impl::pass(Partition& partition, int64_t next) {
  if (next <= partition.next) return;
  partition.next = next;
  if (settings_.passed) settings_.passed(partition.unit, next);
}

Status KafkaSource::Impl::deliver(Partition& partition, const rd_kafka_message_t& message, Output& out) {
  if (partition.caught_up) STREAM_TRY(set_caught_up(partition, false, out));
  if (batch_unit_ != partition.unit || batch_.bytes() >= kBatchBytes || batch_.empty()) {
    STREAM_TRY(flush_batch(out));
    batch_unit_ = partition.unit;
    batch_.clear(batch_unit_);
  }
  const std::optional<int64_t> time = timestamp_us(message);
  const std::string_view value(static_cast<const char*>(message.payload), message.len);
  if (shaper_.is_record(value)) {  // nearly all
    batch_.append(value, nullptr, &message.offset, time ? &*time : nullptr);
  } else if (SideRecord side; shaper_.shape(view_of(partition, message), batch_.text(), side)) {
    batch_.commit(nullptr, &message.offset, time ? &*time : nullptr);
  } else {
    STREAM_TRY(flush_batch(out));
    side.unit = partition.unit;
    side.offset = message.offset;
    STREAM_TRY(out.control(side));
  }
  partition.next = message.offset + 1;
  taken_bytes_ += message.len;
  if (time && (!partition.newest_us || *time > *partition.newest_us)) partition.newest_us = time;
  if (partition.end && partition.next >= *partition.end) partition.finished = true;
  if (settings_.count && ++given_ >= *settings_.count) counted_out_ = true;
  return {};
}

kafka::MessageView KafkaSource::Impl::view_of(const Partition& partition, const rd_kafka_message_t& message) {
  kafka::MessageView view{.topic = partition.topic,
                          .partition = message.partition,
                          .offset = message.offset,
                          .timestamp_ms = {},
                          .key = {},
                          .value = bytes_of(message.payload, message.len),
                          .headers = nullptr};
  if (!settings_.envelope) return view;
  view.timestamp_ms = timestamp_ms(message);
  view.key = bytes_of(message.key, message.key_len);
  headers_.clear();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      headers_.emplace_back(name, bytes_of(value, size));
    }
  }
  view.headers = &headers_;
  return view;
}

Status KafkaSource::Impl::flush_batch(Output& out) {
  if (batch_.empty()) return {};
  Status status = out.records(batch_.batch());
  batch_.clear(batch_unit_);
  return status;
}

Status KafkaSource::Impl::handle_error(const rd_kafka_message_t& message, Output& out) {
  Partition* partition = assignment_.find(message.rkt, message.partition);
  const char* text = rd_kafka_message_errstr(&message);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      if (partition == nullptr) return {};
      // The end of the log, over whatever markers lie before it.
      pass(*partition, message.offset);
      if (partition->end && partition->next >= *partition->end) partition->finished = true;
      return set_caught_up(*partition, true, out);
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: {
      if (partition == nullptr) return {};
      return failed(
          "offset {} of '{}' is not in the log any more: records were deleted before they were read; start again {}",
          partition->next, context_.units.name(partition->unit),
          settings_.resume ? "to see what is left and what can be done"
                           : "with -o beginning, -o end or an offset that is still there");
    }
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return failed("cannot read '{}' at offset {}: {}",
                    partition == nullptr ? "?" : context_.units.name(partition->unit), message.offset, text);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return failed("a topic was lost while it was read: {}", text);
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      if (settings_.group.empty()) return {};  // of the group that we do not join
      [[fallthrough]];
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return usage_error("Kafka at '{}' refuses: {}; check the ACLs", client_->brokers(), text);
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
      return failed("Kafka at '{}' refuses to go on: {}", client_->brokers(), text);
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      context_.log.warn(
          "the output was not read for longer than max.poll.interval.ms: the group gives our partitions to others");
      return {};
    default:
      context_.log.debug("kafka: {}", text);  // librdkafka tries again by itself
      return {};
  }
}

}  // namespace streamutils
