// SPDX-License-Identifier: Apache-2.0
// A sink made a member. The last stage of the main line, the root, also decides: it publishes the manifest when every
// member has acknowledged. The sink of a branch acknowledges through the store and learns of the decision there.
//
// Invariants:
//  1. Effects reach the sink's own store for good only from a spool that a published manifest names.
//  2. Epoch N + 1 is acknowledged only when all of spool N is in the sink's own store.
//  3. Acks of other runs count for nothing.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "lib/checkpoint/garbage.hpp"
#include "lib/checkpoint/sink.hpp"
#include "lib/checkpoint/spool.hpp"
#include "lib/checkpoint/start.hpp"

namespace streamutils::checkpoint {

struct SinkSettings {
  std::string program;
  StartSettings start;
};

class SinkMember final : public Operator {
 public:
  /// All live as long as this.
  SinkMember(TransactionalSink& sink, SinkSettings settings, ObjectStore& store, Patience& patience, Context& context);
  ~SinkMember() override;

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override { return sink_.on_records(batch, out); }
  Status on_side(const SideRecord& item, Output& out) override { return sink_.on_side(item, out); }
  Status on_watermark(const Watermark& item, Output& out) override { return sink_.on_watermark(item, out); }
  Status on_caught_up(const CaughtUp& item, Output& out) override { return sink_.on_caught_up(item, out); }
  Status on_idle(const Idle& item, Output& out) override { return sink_.on_idle(item, out); }
  Status on_assign(const Assign& item, Output& out) override { return sink_.on_assign(item, out); }
  Status on_revoke(const Revoke& item, Output& out) override { return sink_.on_revoke(item, out); }
  Status on_barrier(const Barrier& item, Output& out) override;
  Status on_ack(const Ack& item, Output& out) override;
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  void explain() override { sink_.explain(); }
  Status on_deadline(Output& out) override;
  [[nodiscard]] bool stateful() const override { return true; }

 private:
  struct Pending;
  [[nodiscard]] bool root() const { return started_.has_value(); }
  Status open_root(const Open& open);
  Status open_side();
  Status go_on_from(const Manifest& manifest);
  void begin_spool();
  using Positions = std::vector<std::pair<std::string, int64_t>>;
  Status cut(uint64_t epoch, Positions positions, Manifest::Kind kind);
  Status try_cut(uint64_t epoch, Positions positions, Manifest::Kind kind);
  /// Decides, or sees the decision, when it is time, and then applies the spool: nothing is pending any more.
  Status settle();
  Status try_settle();
  Status settle_all();
  Result<bool> waits_in_vain();
  [[nodiscard]] bool all_of_line_acknowledged() const;
  Result<bool> collect_side_acks();
  Status publish();
  Status apply(SpoolReader& reader);

  TransactionalSink& sink_;
  SinkSettings settings_;
  ObjectStore& store_;
  Patience& patience_;
  Context& context_;
  std::optional<Started> started_;  // of the root
  GarbageCollector garbage_;
  std::string run_, name_;
  uint64_t generation_ = 0;
  uint64_t next_epoch_ = 0;
  bool finished_ = false;               // an earlier start has ended for good: nothing will come
  Cursor cursor_;                       // where the sink's own store will stand when everything acknowledged is applied
  std::unique_ptr<SpoolWriter> spool_;  // of the epoch being read
  std::unique_ptr<Pending> pending_;    // acknowledged, not yet decided or applied
  std::map<uint64_t, std::map<std::string, Ack, std::less<>>> acks_;  // of the root: of others, by epoch and member
  MonoTime next_look_;
  Duration look_;  // from the last look to the next
};

}  // namespace streamutils::checkpoint
