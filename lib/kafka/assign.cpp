// SPDX-License-Identifier: Apache-2.0
// Connecting, and taking partitions over or giving them up.
#include <algorithm>

#include "lib/kafka/resume.hpp"
#include "lib/kafka/source_impl.hpp"
#include "lib/stream/decoder.hpp"

namespace streamutils {
namespace {

using kafka::PartitionRange;

constexpr Duration kAssignBound{60'000'000};  // a group has the patience of max.poll.interval.ms (5 minutes)

/// All partitions of the topics, or those of -p.
Result<std::vector<PartitionRange>> wanted_partitions(const std::vector<kafka::Topic>& topics,
                                                      const std::vector<int32_t>& only) {
  std::vector<PartitionRange> ranges;
  for (const kafka::Topic& topic : topics) {
    for (const int32_t id : only) {
      if (id < 0 || id >= topic.partitions) {
        return usage_error("topic '{}' has no partition {}: it has {}, numbered from 0", topic.name, id,
                           topic.partitions);
      }
      ranges.push_back({.topic = topic.name, .partition = id});
    }
    for (int32_t id = 0; only.empty() && id < topic.partitions; ++id)
      ranges.push_back({.topic = topic.name, .partition = id});
  }
  return ranges;
}

}  // namespace

Status KafkaSource::Impl::connect() {
  STREAM_ASSIGN(client_, kafka::Client::create(config_, *this, context_.log));
  rd_kafka_poll_set_consumer(client_->get());
  queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  if (!queue_) return failed("the Kafka client has no consumer queue");
  client_->watch(queue_.get());
  phase_ = Phase::connecting;
  const Duration bound = kafka::connect_bound(config_);
  task_ = std::make_unique<PlanTask>(
      client_,
      [topics = settings_.topics, only = settings_.partitions, range = settings_.range, shares = shares_,
       checkpoint = bool(settings_.resume), bound](kafka::Client& client) -> Result<Plan> {
        STREAM_ASSIGN(const std::vector<kafka::Topic> known, kafka::fetch_topics(client, topics, bound, false));
        STREAM_ASSIGN(std::vector<PartitionRange> ranges, wanted_partitions(known, only));
        const auto units = static_cast<uint32_t>(ranges.size());
        if (shares) return Plan{.ranges = {}, .units_in_all = units};
        // With a checkpoint the group's offsets count only when they are asked for: --fresh has to be a way out.
        const bool stored = checkpoint && range.start && range.start->kind == KafkaPosition::Kind::stored;
        STREAM_ASSIGN(ranges, kafka::resolve_ranges(client, std::move(ranges), range, stored, bound));
        if (!checkpoint) STREAM_TRY(check_starts(ranges));  // else they count at the first start only
        return Plan{.ranges = std::move(ranges), .units_in_all = units};
      });
  return {};
}

auto KafkaSource::Impl::take_plan() -> Result<std::optional<Plan>> {
  serve_callbacks();
  std::optional<Result<Plan>> plan = task_->take();
  if (!plan) {
    STREAM_TRY(client_->trouble());
    return std::optional<Plan>();
  }
  task_.reset();
  if (!plan->ok()) return plan->take_status();
  return std::optional(**std::move(plan));
}

Result<bool> KafkaSource::Impl::finish_connecting(Output& out) {
  STREAM_ASSIGN(std::optional<Plan> plan, take_plan());
  if (!plan) return false;
  STREAM_TRY(give_open(plan->ranges, out));
  if (settings_.resume) {
    STREAM_TRY(go_on(*std::move(plan), out));
    return true;
  }
  phase_ = Phase::reading;
  STREAM_TRY(shares_ ? subscribe() : take_over(*plan, out));
  return true;
}

Status KafkaSource::Impl::subscribe() {
  const kafka::ListPtr topics(rd_kafka_topic_partition_list_new(static_cast<int>(settings_.topics.size())));
  for (const std::string& topic : settings_.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_->get(), topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return failed("cannot join group '{}': {}", settings_.group, kafka::error_text(error));
  return {};
}

Status KafkaSource::Impl::give_open(const std::vector<PartitionRange>& ranges, Output& out) {
  Open open;
  open.run = make_run_id();
  for (const PartitionRange& range : ranges) {
    open.sources.push_back({unit_name(range), range.bad_start.empty() ? range.start : kafka::kNoStart, range.end});
  }
  open_given_ = true;
  return out.control(open);
}

/// Works off what the group decided. The positions of an assignment are looked up on a Task, so it takes several calls.
Result<bool> KafkaSource::Impl::serve_rebalance(Output& out) {
  if (task_) {
    std::optional<Result<Plan>> plan = task_->take();
    if (!plan) return false;
    task_.reset();
    rebalances_.pop_front();
    if (!plan->ok()) return plan->take_status();
    STREAM_TRY(take_over(**plan, out));
    return true;
  }
  Rebalance& rebalance = rebalances_.front();
  if (!rebalance.assigned) {
    const bool unflushed = settings_.commit_interval &&
                           std::ranges::any_of(assignment_.all(), [](const auto& p) { return p->next > p->flushed; });
    if (unflushed) {
      flush_for_revoke_ = true;  // the loop flushes, and then this is called again
      return true;
    }
    rebalances_.pop_front();
    STREAM_TRY(give_up(out));
    return true;
  }
  for (PartitionRange& range : rebalance.partitions) {
    const auto reached = reached_.find({range.topic, range.partition});
    if (reached != reached_.end()) range.reached = reached->second;
    const auto first = first_partitions_.find(range.topic);
    range.appeared = first != first_partitions_.end() && range.partition >= first->second;
  }
  task_ = std::make_unique<PlanTask>(
      client_,
      [topics = settings_.topics, ranges = std::move(rebalance.partitions),
       range = settings_.range](kafka::Client& client) -> Result<Plan> {
        STREAM_ASSIGN(const std::vector<kafka::Topic> known, kafka::fetch_topics(client, topics, kAssignBound, false));
        uint32_t units = 0;
        for (const kafka::Topic& topic : known) units += static_cast<uint32_t>(topic.partitions);
        STREAM_ASSIGN(std::vector<PartitionRange> resolved,
                      kafka::resolve_ranges(client, ranges, range, true, kAssignBound));
        STREAM_TRY(check_starts(resolved));
        return Plan{.ranges = std::move(resolved), .units_in_all = units, .topics = known};
      });
  return false;
}

Status KafkaSource::Impl::take_over(const Plan& plan, Output& out) {
  const kafka::ListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(plan.ranges.size())));
  for (const PartitionRange& range : plan.ranges) {
    if (range.end && *range.end <= range.start) {
      // Nothing to be read: a group must hold the partition all the same, without a group there is no need to fetch it.
      if (!shares_) continue;
    }
    rd_kafka_topic_partition_list_add(list.get(), range.topic.c_str(), range.partition)->offset = range.start;
  }
  if (settings_.merge) separate_queues(plan.ranges);
  assignment_.clear();
  for (const PartitionRange& range : plan.ranges) {
    Partition& partition = assignment_.add(range, context_.units.id(unit_name(range)));
    lag_.begin(partition, range.high);
  }
  for (size_t i = 0; i < separate_.size(); ++i) assignment_.all()[i]->queue = std::move(separate_[i]);
  separate_.clear();
  if (settings_.merge) {
    for (const auto& partition : assignment_.all()) waited_.push_back(partition.get());
  }
  // An empty list is an assignment too, and it must be answered.
  const rd_kafka_resp_err_t error = rd_kafka_assign(client_->get(), list.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return failed("cannot take over partitions: {}", kafka::error_text(error));
  for (const kafka::Topic& topic : plan.topics) first_partitions_.try_emplace(topic.name, topic.partitions);
  if (assigned_once_) tell_of_guessed_starts(plan);
  assigned_once_ = true;
  if (plan.ranges.empty() && shares_) {
    context_.log.warn("group '{}' has more members than there are partitions: none is left for this one",
                      settings_.group);
  }
  for (const auto& partition : assignment_.all()) {
    STREAM_TRY(
        out.control(Assign{.unit = partition->unit, .position = partition->next, .units_in_all = plan.units_in_all}));
  }
  return {};
}

/// Without commits a group's members do not know of each other's positions: what another one had is read from where -o
/// says.
void KafkaSource::Impl::tell_of_guessed_starts(const Plan& plan) {
  for (const PartitionRange& range : plan.ranges) {
    if (!range.by_range) continue;
    context_.log.warn(
        "'{}' comes from another member of group '{}', which committed no offset: it is read from {}, as -o says, "
        "so records may be missed or come again (--commit-interval shares positions)",
        unit_name(range), settings_.group, range.start);
  }
}

Status KafkaSource::Impl::give_up(Output& out) {
  commit();
  rd_kafka_assign(client_->get(), nullptr);
  std::vector<UnitId> units;
  for (const auto& partition : assignment_.all()) {
    reached_[{partition->topic, partition->id}] = partition->next;
    units.push_back(partition->unit);
    lag_.end(*partition);
  }
  assignment_.clear();
  for (const UnitId unit : units) STREAM_TRY(out.control(Revoke{unit}));
  return {};
}

/// The flushed positions that no commit has named yet; null when there are none.
kafka::ListPtr KafkaSource::Impl::uncommitted() {
  kafka::ListPtr list;
  for (const auto& partition : assignment_.all()) {
    if (partition->flushed <= partition->committed) continue;
    if (!list) list.reset(rd_kafka_topic_partition_list_new(4));
    rd_kafka_topic_partition_list_add(list.get(), partition->topic.c_str(), partition->id)->offset = partition->flushed;
    partition->committed = partition->flushed;
  }
  return list;
}

/// Asynchronous: librdkafka sends it before it answers a rebalance. A commit that fails is made good by the next one.
void KafkaSource::Impl::commit() {
  if (!settings_.commit_interval) return;
  next_commit_ = context_.clock.mono() + *settings_.commit_interval;
  if (const kafka::ListPtr list = uncommitted()) rd_kafka_commit(client_->get(), list.get(), 1);
}

}  // namespace streamutils
