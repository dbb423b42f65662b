// SPDX-License-Identifier: Apache-2.0
// The parts of KafkaSource: source.cpp drives, assign.cpp connects and takes partitions over, take.cpp turns messages
// into records, merge.cpp orders partitions by time, go_on.cpp has what a checkpoint adds. Private to lib/kafka.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/kafka/client.hpp"
#include "lib/kafka/metadata.hpp"
#include "lib/kafka/partition.hpp"
#include "lib/kafka/record.hpp"
#include "lib/kafka/source.hpp"
#include "lib/kafka/statistics.hpp"
#include "lib/kafka/task.hpp"

namespace streamutils {

class KafkaSource::Impl final : private kafka::ClientEvents {
 public:
  Impl(KafkaConfig config, KafkaSourceSettings settings, Context& context);
  ~Impl() override;

  Result<State> poll(Output& out, const Waiter& waiter, Duration timeout);
  [[nodiscard]] bool wants_flush() const;
  void flushed();
  void commit_decided(const checkpoint::SourceMember::Positions& positions);

 private:
  using Partition = kafka::Partition;
  enum class Phase : unsigned char { created, connecting, resuming, reading, ended };

  /// What a Task has found out about the partitions to be read.
  struct Plan {
    std::vector<kafka::PartitionRange> ranges;
    uint32_t units_in_all = 0;
    std::vector<kafka::Topic> topics;  // with a group
  };
  using PlanTask = kafka::Task<Result<Plan>>;

  using TopicsTask = kafka::Task<Result<std::vector<kafka::Topic>>>;

  struct Rebalance {
    bool assigned = false;
    std::vector<kafka::PartitionRange> partitions;
  };

  // source.cpp
  Result<bool> step(Output& out);  ///< true: something was given or done
  Status end(Output& out, bool fire);
  Duration bounded(Duration timeout) const;
  void on_statistics(std::string_view json) override;
  void on_rebalance(bool assigned, const rd_kafka_topic_partition_list_t& partitions) override;
  void on_disconnect(std::string_view reason) override;
  void on_commit(rd_kafka_resp_err_t error) override;
  Status apply_health(Output& out);
  Status look_for_deleted_topics(const kafka::Statistics& statistics);
  void tell_of_new_partition(std::string_view topic, int32_t partition);
  Status set_caught_up(Partition& partition, bool caught_up, Output& out);
  [[nodiscard]] bool commit_due() const;

  // assign.cpp
  Status connect();
  /// What the task has found, or nothing yet.
  Result<std::optional<Plan>> take_plan();
  Result<bool> finish_connecting(Output& out);
  Status subscribe();
  Result<bool> serve_rebalance(Output& out);
  Status take_over(const Plan& plan, Output& out);
  Status give_up(Output& out);
  void tell_of_guessed_starts(const Plan& plan);
  Status give_open(const std::vector<kafka::PartitionRange>& ranges, Output& out);
  void commit();
  kafka::ListPtr uncommitted();

  // go_on.cpp
  Status go_on(Plan plan, Output& out);
  Result<bool> finish_resuming(Output& out);
  Status begin(const Plan& plan, Output& out);

  // take.cpp
  Result<bool> take(Output& out);
  size_t take_from(rd_kafka_queue_t* queue, size_t most);
  void nudge_fetchers();
  void await_nudge();
  Status handle(const rd_kafka_message_t& message, Output& out);
  Status handle_error(const rd_kafka_message_t& message, Output& out);
  Status deliver(Partition& partition, const rd_kafka_message_t& message, Output& out);
  bool wanted(Partition& partition, const rd_kafka_message_t& message);
  void pass(Partition& partition, int64_t next);
  kafka::MessageView view_of(const Partition& partition, const rd_kafka_message_t& message);
  Status flush_batch(Output& out);
  void serve_callbacks();

  // merge.cpp
  void separate_queues(const std::vector<kafka::PartitionRange>& ranges);
  Result<bool> take_merged(Output& out);
  Status queue_next(Partition& partition, Output& out);
  Result<bool> advance(Partition& partition, Output& out);
  int64_t order_of(Partition& partition, const rd_kafka_message_t& message);

  KafkaConfig config_;
  const KafkaSourceSettings settings_;
  const bool shares_;  // partitions come and go as the group says
  Context& context_;
  Phase phase_ = Phase::created;
  std::shared_ptr<kafka::Client> client_;
  kafka::QueuePtr queue_;
  std::unique_ptr<PlanTask> task_;
  bool open_given_ = false;
  bool gave_ = false;  // a control item that take() did not count: the loop has to flush it before we wait
  bool assigned_once_ = false;
  std::deque<Rebalance> rebalances_;
  std::map<std::pair<std::string, int32_t>, int64_t> reached_;  // with a group: `next` of what was given up
  std::map<std::string, int32_t> first_partitions_;  // with a group: how many there were at the first assignment
  kafka::Assignment assignment_;

  kafka::LagMetrics lag_;
  kafka::StatisticsParser statistics_parser_;
  std::optional<kafka::Statistics> statistics_;
  bool lost_brokers_ = false;  // a disconnect that units have not been told of
  bool new_partition_told_ = false;
  std::optional<MonoTime> leaderless_since_;
  std::unique_ptr<TopicsTask> topics_task_;
  bool disconnected_ = false;  // and that the user has been told of

  kafka::RecordShaper shaper_;
  BatchBuilder batch_;
  UnitId batch_unit_ = Units::kStream;
  std::vector<std::pair<std::string_view, kafka::Bytes>> headers_;
  std::array<rd_kafka_message_t*, 1024> fetched_{};
  int64_t given_ = 0;
  size_t nudge_bytes_ = 0;
  size_t taken_bytes_ = 0;  // since the last nudge_fetchers()
  std::unique_ptr<kafka::Task<bool>> nudge_;
  bool counted_out_ = false;

  std::vector<Partition*> heap_;    // merging: partitions with a head, the smallest first
  std::vector<Partition*> waited_;  // merging: partitions without one
  std::string head_line_;
  std::vector<kafka::QueuePtr> separate_;  // in the order of the plan until take_over()

  MonoTime next_commit_;
  bool flush_for_revoke_ = false;

  kafka::ListPtr decided_;  // with a checkpoint: what was committed last, until that is confirmed
  int commits_under_way_ = 0;
  bool commit_failure_told_ = false;
};

}  // namespace streamutils
