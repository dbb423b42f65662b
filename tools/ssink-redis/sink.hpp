// SPDX-License-Identifier: Apache-2.0
// The operator of ssink-redis: records in, chunks of effects out. Without a checkpoint each is on its way before more
// input is waited for; with one they go to the spool, and come back as apply() when their epoch has been decided.
#pragma once
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "lib/checkpoint/sink.hpp"
#include "lib/redis/chunk.hpp"
#include "lib/redis/fenced_writer.hpp"
#include "lib/redis/sequence_ledger.hpp"
#include "lib/stream/context.hpp"
#include "tools/ssink-redis/fingerprint.hpp"
#include "tools/ssink-redis/plan.hpp"

namespace streamutils::ssink_redis {

class RedisSink final : public checkpoint::TransactionalSink {
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

  void spool_to(TakeChunk take) override { take_ = std::move(take); }
  Status cut() override { return send_chunk(); }
  Result<Cursor> fence(const checkpoint::SinkIdentity& identity, const Expected& expected) override;
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk) override;
  Status drain() override;
  Status show(const Cursor& after, const Cursor& at, std::string_view chunk) override;

 private:
  RedisSink(const Options& options, redis::Url url, Targets targets, Context& context,
            std::function<bool()> neighbour_died);

  Status write(const Batch& batch, size_t i, Output& out);
  Status divert(const Batch& batch, size_t i, std::string_view reason, Output& out);
  /// Gives the unfinished chunk to the store, or to the spool.
  Status send_chunk();
  /// The chunk, even when it is empty, to the store.
  Status send_to_store();
  /// Sends the unfinished chunk and waits until the store has confirmed everything. Nothing under a checkpoint, unless
  /// results are to be seen at once.
  Status flush();
  [[nodiscard]] uint64_t reconnects() const;
  void count_reconnects();
  void say_what_was_done();

  Context& context_;
  redis::WriterSettings writer_settings_;
  const Fingerprint fingerprint_;
  const std::optional<redis::Commit> commit_;
  RowReader reader_;
  SinkMemory memory_;
  redis::Chunk chunk_;
  Planner planner_;
  std::string body_;  // of the chunk that is being sent
  // Without a checkpoint:
  std::optional<redis::SequenceLedger> sequence_;
  std::optional<redis::SequencedWriter> writer_;
  // With one:
  TakeChunk take_;
  std::optional<redis::FencedWriter> fenced_;
  Row row_;
  size_t rows_in_chunk_ = 0;
  uint64_t counts_[4] = {};  // by Outcome
  uint64_t reported_[4] = {};
  uint64_t reported_reconnects_ = 0;
  Metric* metrics_[4];
  Metric& reconnects_;
  Metric& remembered_;
  boost::unordered_flat_set<std::string> blamed_;
};

}  // namespace streamutils::ssink_redis
