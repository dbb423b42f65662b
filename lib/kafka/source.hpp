// SPDX-License-Identifier: Apache-2.0
// Kafka topics as a stream: one unit a partition.
//
// Invariants:
//  1. Offsets of a unit only rise: what Kafka delivers twice in one run is given once. Gaps are normal.
//  2. Only committed records are read; a bounded read ends at offsets that were fixed when it started, whatever fills
//     the log up to them (transaction markers, aborted or compacted records, nothing).
//  3. `caught_up` is given when a fetch response confirmed the end of the log; the unit is behind when further records
//     came, or when its broker has not answered for a while.
//  4. Without a group, or with a checkpoint, every unit is assigned before the first record. With a group, a commit
//  never
//     covers a record that was not flushed; with a checkpoint too, none whose epoch was not decided.
//  5. Memory is bounded by queued.max.messages.kbytes: of the consumer, or of each partition when merging.
// Thread rule: the thread of the loop. poll() never blocks beyond its timeout.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/checkpoint/source_member.hpp"
#include "lib/kafka/config.hpp"
#include "lib/kafka/range.hpp"
#include "lib/stream/source.hpp"

namespace streamutils {

struct KafkaSourceSettings {
  std::vector<std::string> topics;
  std::vector<int32_t> partitions;  ///< of every topic; empty: all
  std::string group;                ///< empty: every partition is read, nothing is committed
  KafkaRange range;
  std::optional<int64_t> count;             ///< end after so many records
  bool drain = false;                       ///< a stop ends with `fire`
  bool keep_open = false;                   ///< the end of a bounded read comes without `fire`
  bool envelope = false;                    ///< -J
  std::optional<Duration> commit_interval;  ///< REQUIRES: a group
  /// Merge the units by Kafka timestamp; ties by topic, partition, offset. A unit that has been read to the end of its
  /// range is given as idle. REQUIRES: a bounded range, no group.
  bool merge = false;
  /// Merge by this time of a record in us instead (kJsonPadding bytes follow the record). Empty: the unit's last one.
  std::function<std::optional<int64_t>(std::string_view record)> merge_time;
  /// With a checkpoint: where to go on, asked for once, after `open` was given. This process then reads all partitions;
  /// a group only names where commit() goes, and what -o stored begins with. Empty: no checkpoint.
  std::function<const checkpoint::ResumePoint&()> resume;
  /// SourceMember::passed(), with a checkpoint.
  std::function<void(UnitId, int64_t)> passed;
};

class KafkaSource final : public Source {
 public:
  /// Checks the settings; connects only in poll(). On failure: a usage error.
  static Result<std::unique_ptr<KafkaSource>> create(KafkaConfig config, KafkaSourceSettings settings,
                                                     Context& context);
  /// Leaves the group and closes, for at most three seconds: librdkafka may hang here. Then threads may be left behind,
  /// so that a program should end with _Exit().
  ~KafkaSource() override;

  /// Failures: the cluster cannot be reached within the first 10 s (failed; later it reconnects without end), unknown
  /// topic or partition, start outside the log, checkpoint that does not fit the log, refused credentials (usage), data
  /// lost or corrupt in the log (failed).
  Result<State> poll(Output& out, const Waiter& waiter, Duration timeout) override;
  [[nodiscard]] bool wants_flush() const override;
  void flushed() override;

  /// Commits what a checkpoint has decided (sorted by unit) under the group's name, for lag tools; nothing without a
  /// group. It does not wait; a commit that fails is a warning, once.
  void commit(const checkpoint::SourceMember::Positions& positions);

  class Impl;

 private:
  explicit KafkaSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils
