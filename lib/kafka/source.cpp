// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/source.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lib/kafka/source_impl.hpp"

namespace streamutils {
namespace {

constexpr Duration kCloseBound{3'000'000};
constexpr Duration kLeaderless{5'000'000};
constexpr size_t kSmallestNudge = size_t{1} << 20;

Status check(const KafkaSourceSettings& s) {
  if (s.topics.empty()) return usage_error("no topic is named; 'skafka-cat -b BROKERS -L' lists the topics");
  for (size_t i = 0; i < s.topics.size(); ++i) {
    STREAM_TRY(kafka::check_topic_name(s.topics[i]));
    if (std::find(s.topics.begin(), s.topics.begin() + static_cast<std::ptrdiff_t>(i), s.topics[i]) !=
        s.topics.begin() + static_cast<std::ptrdiff_t>(i)) {
      return usage_error("topic '{}' is named twice", s.topics[i]);
    }
  }
  const bool grouped = !s.group.empty();
  const bool shares = grouped && !s.resume;
  if (shares && !s.partitions.empty())
    return usage_error("-G and -p exclude each other: a group assigns partitions by itself");
  if (s.resume && s.commit_interval) {
    return usage_error(
        "--commit-interval commits what was written, a checkpoint what was finished: leave it out; with a checkpoint "
        "the offsets of -G are committed after each epoch");
  }
  if (s.resume && s.count) {
    return usage_error("-c counts the records of one start, and a checkpoint outlives it: use -e, --to or -o e@TIME");
  }
  if (!grouped && s.commit_interval) return usage_error("--commit-interval needs a group to commit to: give -G");
  if (s.commit_interval && s.commit_interval->us <= 0) return usage_error("--commit-interval must be longer than 0");
  if (!grouped && s.range.start && s.range.start->kind == KafkaPosition::Kind::stored) {
    return usage_error("-o stored reads a group's offsets: give -G");
  }
  if (s.count && *s.count < 1) return usage_error("-c takes a number of at least 1");
  if (s.merge && shares) return usage_error("--order time needs all partitions in one place: leave out -G");
  if (s.merge && !s.range.bounded()) return usage_error("--order time needs a bounded read: give -e, --from or --to");
  return {};
}

}  // namespace

KafkaSource::KafkaSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaSource::~KafkaSource() = default;

Result<std::unique_ptr<KafkaSource>> KafkaSource::create(KafkaConfig config, KafkaSourceSettings settings,
                                                         Context& context) {
  STREAM_TRY(check(settings));
  // librdkafka wants a group id even to read without a group; it then asks who would coordinate it, and no more.
  STREAM_TRY(config.set("-G", "group.id", settings.group.empty() ? "streamutils-no-group" : settings.group));
  // A partition's own queue has its own bound; many partitions must not multiply the default.
  if (settings.merge && config.get("queued.max.messages.kbytes") == "16384") {
    STREAM_TRY(config.set("--order", "queued.max.messages.kbytes", "4096"));
  }
  for (const std::string& warning : config.warnings()) context.log.warn("{}", warning);
  return std::unique_ptr<KafkaSource>(
      new KafkaSource(std::make_unique<Impl>(std::move(config), std::move(settings), context)));
}

Result<Source::State> KafkaSource::poll(Output& out, const Waiter& waiter, Duration timeout) {
  return impl_->poll(out, waiter, timeout);
}
bool KafkaSource::wants_flush() const { return impl_->wants_flush(); }
void KafkaSource::flushed() { impl_->flushed(); }
void KafkaSource::commit(const checkpoint::SourceMember::Positions& positions) { impl_->commit_decided(positions); }

KafkaSource::Impl::Impl(KafkaConfig config, KafkaSourceSettings settings, Context& context)
    : config_(std::move(config)),
      settings_(std::move(settings)),
      shares_(!settings_.group.empty() && !settings_.resume),
      context_(context),
      lag_(context.metrics, context.clock),
      shaper_(settings_.envelope) {
  if (settings_.commit_interval) next_commit_ = context.clock.mono() + *settings_.commit_interval;
  const std::string_view most = config_.get("queued.max.messages.kbytes");
  size_t most_kib = 0;
  std::from_chars(most.data(), most.data() + most.size(), most_kib);
  nudge_bytes_ = std::max(most_kib << 8, kSmallestNudge);
}

KafkaSource::Impl::~Impl() {
  if (!client_) return;
  kafka::ListPtr positions = settings_.commit_interval ? uncommitted() : std::move(decided_);
  client_->detach();
  assignment_.clear();
  separate_.clear();
  queue_.reset();
  task_.reset();
  await_nudge();
  topics_task_.reset();
  const rd_kafka_resp_err_t committed =
      kafka::Client::close(std::move(client_), shares_, std::move(positions), kCloseBound);
  if (committed == RD_KAFKA_RESP_ERR_NO_ERROR || committed == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  if (settings_.resume) {
    on_commit(committed);
  } else {
    context_.log.warn("cannot commit the last offsets of group '{}': {}; some records will be read again",
                      settings_.group, kafka::error_text(committed));
  }
}

Result<Source::State> KafkaSource::Impl::poll(Output& out, const Waiter& waiter, Duration timeout) {
  const MonoTime start = context_.clock.mono();
  while (true) {
    if (phase_ == Phase::ended) return State::finished;
    if (waiter.stop_requested()) {
      // A checkpoint must not be finished by a start that has read nothing.
      STREAM_TRY(end(out, settings_.drain && (phase_ == Phase::reading || !settings_.resume)));
      return State::finished;
    }
    STREAM_ASSIGN(const bool progress, step(out));
    if (phase_ == Phase::ended) return State::finished;
    if (progress) return State::delivered;
    if (timeout.us == 0 || wants_flush()) return State::empty;
    Duration left{-1};
    if (timeout.us > 0) {
      left.us = timeout.us - (context_.clock.mono() - start).us;
      if (left.us <= 0) return State::empty;
    }
    switch (waiter.wait(client_->wake_fd(), bounded(left))) {
      case Waiter::Event::ready:
        client_->clear_wake();
        break;
      case Waiter::Event::reader_gone:
        return Status(Code::broken_pipe, "the reader of the output is gone");
      case Waiter::Event::stop:
        break;
      case Waiter::Event::timeout:  // or a signal, which the caller may have something to do about
        return State::empty;
    }
  }
}

/// `timeout`, cut so that a due commit is not overslept.
Duration KafkaSource::Impl::bounded(Duration timeout) const {
  if (!settings_.commit_interval) return timeout;
  const Duration to_commit = std::max(next_commit_ - context_.clock.mono(), Duration{1000});
  return timeout.us < 0 ? to_commit : std::min(timeout, to_commit);
}

Result<bool> KafkaSource::Impl::step(Output& out) {
  if (phase_ == Phase::created) STREAM_TRY(connect());
  if (phase_ == Phase::connecting) return finish_connecting(out);
  if (phase_ == Phase::resuming) return finish_resuming(out);
  if (!rebalances_.empty() || task_) {
    STREAM_ASSIGN(const bool served, serve_rebalance(out));
    if (served) return true;
  }
  if (task_) serve_callbacks();
  bool taken = false;
  if (!task_) {
    STREAM_ASSIGN(taken, settings_.merge ? take_merged(out) : take(out));
  }
  if (!task_) nudge_fetchers();
  STREAM_TRY(client_->trouble());
  STREAM_TRY(apply_health(out));
  const bool all_read =
      settings_.range.bounded() && assigned_once_ && !task_ && rebalances_.empty() && assignment_.all_finished();
  if (all_read || counted_out_) {
    STREAM_TRY(end(out, !settings_.keep_open));
    return true;
  }
  return taken || std::exchange(gave_, false) || (!task_ && !rebalances_.empty());
}

Status KafkaSource::Impl::end(Output& out, bool fire) {
  phase_ = Phase::ended;
  if (!open_given_) STREAM_TRY(give_open({}, out));
  return out.control(End{.fire = fire});
}

void KafkaSource::Impl::on_statistics(std::string_view json) { statistics_ = statistics_parser_.parse(json); }

void KafkaSource::Impl::on_rebalance(bool assigned, const rd_kafka_topic_partition_list_t& partitions) {
  Rebalance rebalance{.assigned = assigned, .partitions = {}};
  for (int i = 0; i < partitions.cnt; ++i) {
    rebalance.partitions.push_back({.topic = partitions.elems[i].topic, .partition = partitions.elems[i].partition});
  }
  rebalances_.push_back(std::move(rebalance));
}

void KafkaSource::Impl::on_disconnect(std::string_view reason) {
  lost_brokers_ = true;
  if (disconnected_ || phase_ != Phase::reading) return;
  disconnected_ = true;
  context_.log.warn("lost Kafka at '{}': {}; trying again", client_->brokers(), reason);
}

/// Tells units from statistics and disconnects whether they are still at the end of their logs.
Status KafkaSource::Impl::apply_health(Output& out) {
  if (lost_brokers_) {
    lost_brokers_ = false;
    for (const auto& partition : assignment_.all()) STREAM_TRY(set_caught_up(*partition, false, out));
  }
  if (!statistics_) return {};
  const kafka::Statistics statistics = std::move(*statistics_);
  statistics_.reset();
  if (statistics.any_broker_up && disconnected_) {
    disconnected_ = false;
    context_.log.warn("connected to Kafka at '{}' again", client_->brokers());
  }
  for (const kafka::PartitionStatistics& s : statistics.partitions) {
    Partition* partition = assignment_.find(s.topic, s.partition);
    if (partition == nullptr) {
      tell_of_new_partition(s.topic, s.partition);
      continue;
    }
    const bool at_end =
        s.log_end >= 0 && s.eof_offset == s.log_end && partition->next == s.eof_offset && s.next_offset == s.eof_offset;
    if (!s.leader_answers) {
      STREAM_TRY(set_caught_up(*partition, false, out));
    } else if (at_end) {
      STREAM_TRY(set_caught_up(*partition, true, out));
    }
    lag_.update(*partition, s.log_end);
  }
  return look_for_deleted_topics(statistics);
}

// librdkafka says nothing of a topic that is deleted while it is read: it would wait for it for ever.
Status KafkaSource::Impl::look_for_deleted_topics(const kafka::Statistics& statistics) {
  if (topics_task_) {
    const std::optional<Result<std::vector<kafka::Topic>>> known = topics_task_->take();
    if (!known) return {};
    topics_task_.reset();
    leaderless_since_.reset();
    if (known->status().code() == Code::usage)
      return failed("a topic was lost while it was read: {}", known->status().message());
    return {};
  }
  const bool leaderless = statistics.any_broker_up &&
                          std::ranges::any_of(statistics.partitions, [this](const kafka::PartitionStatistics& s) {
                            const Partition* partition = assignment_.find(s.topic, s.partition);
                            return !s.has_broker && partition != nullptr && !partition->finished;
                          });
  if (!leaderless) {
    leaderless_since_.reset();
    return {};
  }
  const MonoTime now = context_.clock.mono();
  if (!leaderless_since_) leaderless_since_ = now;
  if (now - *leaderless_since_ < kLeaderless) return {};
  const Duration bound = kafka::connect_bound(config_);
  topics_task_ = std::make_unique<TopicsTask>(client_, [topics = settings_.topics, bound](kafka::Client& client) {
    return kafka::fetch_topics(client, topics, bound, false);
  });
  return {};
}

/// Without a group nobody hands new partitions over; to read on as if there were none must not be a secret.
void KafkaSource::Impl::tell_of_new_partition(std::string_view topic, int32_t partition) {
  if (shares_ || !settings_.partitions.empty() || settings_.range.bounded()) return;
  if (std::exchange(new_partition_told_, true)) return;
  context_.log.warn("topic '{}' has a new partition {}, which is not read: start again to read it", topic, partition);
}

Status KafkaSource::Impl::set_caught_up(Partition& partition, bool caught_up, Output& out) {
  if (partition.caught_up == caught_up || partition.idle) return {};
  partition.caught_up = caught_up;
  gave_ = true;
  if (caught_up) lag_.update(partition, partition.next);
  STREAM_TRY(flush_batch(out));
  return out.control(CaughtUp{.unit = partition.unit, .caught_up = caught_up});
}

bool KafkaSource::Impl::commit_due() const {
  return settings_.commit_interval && context_.clock.mono() >= next_commit_ &&
         std::ranges::any_of(assignment_.all(), [](const auto& p) { return p->next > p->committed; });
}

bool KafkaSource::Impl::wants_flush() const { return flush_for_revoke_ || commit_due(); }

void KafkaSource::Impl::flushed() {
  if (!settings_.commit_interval) return;
  for (const auto& partition : assignment_.all()) partition->flushed = partition->next;
  flush_for_revoke_ = false;
  if (phase_ != Phase::ended && commit_due()) commit();
}

}  // namespace streamutils
