// SPDX-License-Identifier: Apache-2.0
// A stage between source and sink, made a member: its operator is restored before the first record, and its state
// written at every barrier.
//
// Invariants:
//  1. No item but `open` reaches the operator before it has been restored.
//  2. A barrier is passed on at once, behind all earlier output; the ack follows when the state is durable.
//  3. `end` never comes before the last ack.
// A stateless operator gets everything as it is.
#pragma once
#include <string>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/object_store.hpp"
#include "lib/checkpoint/patience.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils::checkpoint {

class StageMember final : public Operator {
 public:
  /// All live as long as this. `program` is for the snapshot's head.
  StageMember(Operator& op, std::string program, ObjectStore& store, Patience& patience, Context& context);

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override { return op_.on_records(batch, out); }
  Status on_side(const SideRecord& item, Output& out) override { return op_.on_side(item, out); }
  Status on_watermark(const Watermark& item, Output& out) override { return op_.on_watermark(item, out); }
  Status on_caught_up(const CaughtUp& item, Output& out) override { return op_.on_caught_up(item, out); }
  Status on_idle(const Idle& item, Output& out) override { return op_.on_idle(item, out); }
  Status on_assign(const Assign& item, Output& out) override { return op_.on_assign(item, out); }
  Status on_revoke(const Revoke& item, Output& out) override { return op_.on_revoke(item, out); }
  Status on_barrier(const Barrier& item, Output& out) override;
  Status on_ack(const Ack& item, Output& out) override { return op_.on_ack(item, out); }
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override { return op_.on_quiet(out); }
  [[nodiscard]] std::optional<MonoTime> deadline() const override { return op_.deadline(); }
  void explain() override { op_.explain(); }
  Status on_deadline(Output& out) override { return op_.on_deadline(out); }
  [[nodiscard]] bool stateful() const override { return op_.stateful(); }

 private:
  Status acknowledge(uint64_t epoch, MonoTime since, Output& out);

  Operator& op_;
  const std::string program_;
  ObjectStore& store_;
  Patience& patience_;
  Context& context_;
  std::string run_;
  std::string name_;
  uint64_t generation_ = 0;
  Metric* snapshot_seconds_ = nullptr;  // of the last epoch, as is the next; null without state
  Metric* snapshot_bytes_ = nullptr;
  std::string buffer_;     // of states, kept unless it is large
  bool finished_ = false;  // an earlier start has ended for good: nothing will come
};

/// Restores `op` from what `manifest` has for the member `name`; nothing there: it begins empty, which is said unless
/// the manifest is that of a first start. The errors are usage errors with the way out.
Status restore_member(Operator& op, std::string_view name, std::string_view program, const Manifest& manifest,
                      ObjectStore& store, Context& context);

}  // namespace streamutils::checkpoint
