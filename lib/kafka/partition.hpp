// SPDX-License-Identifier: Apache-2.0
// One assigned partition and how far it has been read. Private to lib/kafka.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/base/metrics.hpp"
#include "lib/kafka/handle.hpp"
#include "lib/kafka/range.hpp"
#include "lib/stream/batch.hpp"

namespace streamutils::kafka {

struct Partition {
  UnitId unit = 0;
  std::string topic;
  int32_t id = 0;
  int64_t next = 0;  ///< the next offset to be given; rises over markers when the end of the log is confirmed
  std::optional<int64_t> end;
  bool finished = false;
  bool paused = false;
  bool caught_up = false;
  bool idle = false;                 ///< merging: finished, and said to be idle for good
  int64_t flushed = -1;              ///< `next` at the last flush
  int64_t committed = -1;            ///< the last position given to a commit
  std::optional<int64_t> newest_us;  ///< the largest Kafka timestamp read

  // Lag.
  int64_t log_end = -1;
  WallTime log_end_moved;  ///< when the log was last seen to grow, or first seen: no event in it is newer
  Metric* lag_records = nullptr;
  Metric* lag_seconds = nullptr;

  // Merging: messages taken from the partition's own queue, the first is the head.
  QueuePtr queue;
  std::vector<MessagePtr> taken;
  size_t head = 0;
  int64_t order = INT64_MIN;
};

/// The partitions this process reads now, found by librdkafka's topic handle and number.
class Assignment {
 public:
  using List = std::vector<std::unique_ptr<Partition>>;

  Partition& add(const PartitionRange& range, UnitId unit);
  void clear();
  /// Null for a partition that is not assigned (any more). Runs of one partition cost two comparisons.
  Partition* find(rd_kafka_topic_t* topic, int32_t id);
  Partition* find(std::string_view topic, int32_t id);
  [[nodiscard]] const List& all() const { return partitions_; }
  [[nodiscard]] bool all_finished() const;

 private:
  List partitions_;
  rd_kafka_topic_t* last_topic_ = nullptr;
  Partition* last_ = nullptr;
};

/// Keeps stream_lag_records and stream_lag_seconds of the partitions.
class LagMetrics {
 public:
  LagMetrics(Metrics& metrics, const Clock& clock) : metrics_(metrics), clock_(clock) {}
  void begin(Partition& partition, int64_t log_end);
  void end(Partition& partition);
  /// A new look at the log's end; negative: not known.
  void update(Partition& partition, int64_t log_end);

 private:
  Metrics& metrics_;
  const Clock& clock_;
};

}  // namespace streamutils::kafka
