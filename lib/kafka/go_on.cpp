// SPDX-License-Identifier: Apache-2.0
// What a checkpoint adds: beginning where it says, and committing what it has decided.
#include <algorithm>
#include <chrono>
#include <thread>

#include "lib/kafka/resume.hpp"
#include "lib/kafka/source_impl.hpp"

namespace streamutils {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kSecondLook{5};  // how long a log may seem shorter than what was read of it

}  // namespace

/// `open` was given, so the restore is known.
Status KafkaSource::Impl::go_on(Plan plan, Output& out) {
  const checkpoint::ResumePoint& point = settings_.resume();
  if (point.finished) return end(out, false);
  if (point.first) {
    STREAM_TRY(check_starts(plan.ranges));
    return begin(plan, out);
  }
  const bool fixed = settings_.range.fixed;
  if (!kafka::lies_beyond(plan.ranges, point, fixed)) {
    STREAM_TRY(kafka::resume_ranges(plan.ranges, point, fixed));
    return begin(plan, out);
  }
  phase_ = Phase::resuming;
  const Duration bound = kafka::connect_bound(config_);
  task_ = std::make_unique<PlanTask>(
      client_, [plan = std::move(plan), point, fixed, bound](kafka::Client& client) mutable -> Result<Plan> {
        const auto deadline = Steady::now() + kSecondLook;
        while (true) {
          STREAM_TRY(kafka::refresh_logs(client, plan.ranges, bound));
          if (!kafka::lies_beyond(plan.ranges, point, fixed) || Steady::now() >= deadline || client.detached()) break;
          std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        STREAM_TRY(kafka::resume_ranges(plan.ranges, point, fixed));
        return std::move(plan);
      });
  return {};
}

Result<bool> KafkaSource::Impl::finish_resuming(Output& out) {
  STREAM_ASSIGN(std::optional<Plan> plan, take_plan());
  if (!plan) return false;
  STREAM_TRY(begin(*plan, out));
  return true;
}

Status KafkaSource::Impl::begin(const Plan& plan, Output& out) {
  phase_ = Phase::reading;
  STREAM_TRY(take_over(plan, out));
  // What is restored was decided, and the run before may have ended before it could commit that.
  const auto& positions = settings_.resume().positions;
  if (!settings_.resume().first) commit_decided({positions.begin(), positions.end()});
  return {};
}

void KafkaSource::Impl::commit_decided(const checkpoint::SourceMember::Positions& positions) {
  if (settings_.group.empty() || !client_) return;
  kafka::ListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const auto& partition : assignment_.all()) {
    const std::string_view unit = context_.units.name(partition->unit);
    const auto found =
        std::ranges::lower_bound(positions, unit, {}, [](const auto& p) -> std::string_view { return p.first; });
    if (found == positions.end() || found->first != unit || found->second < 0) continue;
    rd_kafka_topic_partition_list_add(list.get(), partition->topic.c_str(), partition->id)->offset = found->second;
  }
  if (list->cnt == 0) return;
  if (rd_kafka_commit(client_->get(), list.get(), 1) == RD_KAFKA_RESP_ERR_NO_ERROR) ++commits_under_way_;
  decided_ = std::move(list);
}

/// Lag tools are all that depends on these commits, and the next one makes up for one that fails.
void KafkaSource::Impl::on_commit(rd_kafka_resp_err_t error) {
  if (!settings_.resume) return;
  commits_under_way_ = std::max(0, commits_under_way_ - 1);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET) {
    if (commits_under_way_ == 0) decided_.reset();
    return;
  }
  if (std::exchange(commit_failure_told_, true)) return;
  context_.log.warn(
      "cannot commit the offsets of group '{}': {}; the checkpoint does not need them, lag tools show too much{}",
      settings_.group, kafka::error_text(error),
      error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ? " (others use the group: give it a name of its own)" : "");
}

}  // namespace streamutils
