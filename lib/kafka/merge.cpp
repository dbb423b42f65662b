// SPDX-License-Identifier: Apache-2.0
// Partitions merged by time: each has a queue of its own, the smallest head goes first, and nobody goes while a
// partition that is not finished has no head. So the order depends on the logs alone.
#include <algorithm>

#include "lib/kafka/source_impl.hpp"

namespace streamutils {
namespace {

constexpr size_t kTakeAtOnce = 256;
constexpr int kGiveAtOnce = 4096;

/// std::push_heap keeps the largest in front, so this is "goes later".
bool later(const kafka::Partition* a, const kafka::Partition* b) {
  if (a->order != b->order) return a->order > b->order;
  if (const int topics = a->topic.compare(b->topic); topics != 0) return topics > 0;
  return a->id > b->id;
}

}  // namespace

/// Takes the partitions' queues out of the common one. Before they are assigned, so that no message takes the old way.
void KafkaSource::Impl::separate_queues(const std::vector<kafka::PartitionRange>& ranges) {
  for (const kafka::PartitionRange& range : ranges) {
    kafka::QueuePtr queue(rd_kafka_queue_get_partition(client_->get(), range.topic.c_str(), range.partition));
    if (queue) {
      rd_kafka_queue_forward(queue.get(), nullptr);
      client_->watch(queue.get());
    }
    separate_.push_back(std::move(queue));
  }
}

Result<bool> KafkaSource::Impl::take_merged(Output& out) {
  while (kafka::MessagePtr message{rd_kafka_consume_queue(queue_.get(), 0)}) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) STREAM_TRY(handle_error(*message, out));
  }
  std::vector<Partition*> waited = std::move(waited_);
  waited_.clear();
  for (Partition* partition : waited) STREAM_TRY(queue_next(*partition, out));
  int given = 0;
  while (waited_.empty() && !heap_.empty() && given < kGiveAtOnce && !counted_out_) {
    std::ranges::pop_heap(heap_, later);
    Partition* partition = heap_.back();
    heap_.pop_back();
    STREAM_TRY(deliver(*partition, *partition->taken[partition->head++], out));
    ++given;
    STREAM_TRY(queue_next(*partition, out));
  }
  STREAM_TRY(flush_batch(out));
  return given > 0;
}

/// Puts the partition where its next record belongs. A finished one is idle at once and for good: by waiting for the
/// clock to prove it, a merged read would depend on its pace.
Status KafkaSource::Impl::queue_next(Partition& partition, Output& out) {
  STREAM_ASSIGN(const bool has_head, advance(partition, out));
  if (has_head) {
    heap_.push_back(&partition);
    std::ranges::push_heap(heap_, later);
    return {};
  }
  if (!partition.finished) {
    waited_.push_back(&partition);
    return {};
  }
  STREAM_TRY(set_caught_up(partition, true, out));
  partition.idle = true;
  return out.control(Idle{.unit = partition.unit, .idle = true});
}

/// Moves on to the partition's next record within its range. False: it has none now, or it is finished.
Result<bool> KafkaSource::Impl::advance(Partition& partition, Output& out) {
  while (!partition.finished) {
    if (partition.head == partition.taken.size()) {
      partition.taken.clear();
      partition.head = 0;
      const size_t n = take_from(partition.queue.get(), kTakeAtOnce);
      for (size_t i = 0; i < n; ++i) partition.taken.emplace_back(fetched_[i]);
      if (n == 0) return false;
    }
    const rd_kafka_message_t& message = *partition.taken[partition.head];
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      STREAM_TRY(handle_error(message, out));
    } else if (wanted(partition, message)) {
      partition.order = order_of(partition, message);
      return true;
    }
    ++partition.head;
  }
  partition.taken.clear();
  partition.head = 0;
  return false;
}

int64_t KafkaSource::Impl::order_of(Partition& partition, const rd_kafka_message_t& message) {
  if (!settings_.merge_time) {
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const int64_t ms = rd_kafka_message_timestamp(&message, &type);
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? partition.order : ms;
  }
  head_line_.clear();
  SideRecord side;
  if (!shaper_.shape(view_of(partition, message), head_line_, side)) return partition.order;
  const size_t size = head_line_.size();
  head_line_.append(kJsonPadding, '\0');
  return settings_.merge_time(std::string_view(head_line_).substr(0, size)).value_or(partition.order);
}

}  // namespace streamutils
