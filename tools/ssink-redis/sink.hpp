// SPDX-License-Identifier: Apache-2.0
// The operator of ssink-redis: records in, chunks of effects out, each on its way before more input is waited for.
#pragma once
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "lib/redis/chunk.hpp"
#include "lib/redis/sequenced_writer.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/operator.hpp"
#include "tools/ssink-redis/plan.hpp"

namespace streamutils::ssink_redis {

class RedisSink final : public Operator {
 public:
  /// `neighbour_died` is asked while the server is away. On failure: a usage error.
  static Result<std::unique_ptr<RedisSink>> create(const Options& options, Context& context,
                                                   std::function<bool()> neighbour_died);

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_watermark(const Watermark& item, Output& out) override;
  Status on_idle(const Idle& item, Output& out) override;
  Status on_assign(const Assign& item, Output& out) override;
  Status on_revoke(const Revoke& item, Output& out) override;
  Status on_barrier(const Barrier& item, Output& out) override;
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  Status on_deadline(Output& out) override;

  [[nodiscard]] bool stateful() const override { return true; }
  Status snapshot(StateWriter& out) const override;
  Status restore(StateReader& in) override;

 private:
  RedisSink(const Options& options, redis::Url url, Targets targets, Context& context,
            std::function<bool()> neighbour_died);

  Status write(const Batch& batch, size_t i, Output& out);
  Status divert(const Batch& batch, size_t i, std::string_view reason, Output& out);
  Status send_chunk();
  /// Sends the unfinished chunk and waits until the store has confirmed everything.
  Status flush();
  void say_what_was_done();

  Context& context_;
  redis::WriterSettings writer_settings_;
  RowReader reader_;
  SinkMemory memory_;
  redis::Chunk chunk_;
  Planner planner_;
  std::optional<redis::SequencedWriter> writer_;
  Row row_;
  size_t rows_in_chunk_ = 0;
  uint64_t counts_[4] = {};  // by Outcome
  uint64_t reported_[4] = {};
  Metric* metrics_[4];
  Metric& reconnects_;
  Metric& remembered_;
  boost::unordered_flat_set<std::string> blamed_;
};

}  // namespace streamutils::ssink_redis
