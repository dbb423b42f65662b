// SPDX-License-Identifier: Apache-2.0
// Names the points at which a sink touches its own store, whatever sink it is.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "lib/checkpoint/sink.hpp"

namespace streamutils::crash {

class HookedSink final : public checkpoint::TransactionalSink {
 public:
  using Hook = std::function<Status(const std::string& point)>;
  HookedSink(std::unique_ptr<checkpoint::TransactionalSink> sink, Hook hook)
      : sink_(std::move(sink)), hook_(std::move(hook)) {}

  Result<Cursor> fence(const checkpoint::SinkIdentity& identity, const Expected& expected) override {
    member_ = identity.member;
    STREAM_TRY(hook_("fence " + member_ + " before"));
    auto cursor = sink_->fence(identity, expected);
    if (cursor.ok()) STREAM_TRY(hook_("fence " + member_ + " after"));
    return cursor;
  }
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk) override {
    STREAM_TRY(hook_("chunk " + member_ + " before"));
    STREAM_TRY(sink_->apply(after, at, chunk));
    return hook_("chunk " + member_ + " after");
  }
  Status drain() override {
    STREAM_TRY(hook_("drain " + member_ + " before"));
    STREAM_TRY(sink_->drain());
    return hook_("drain " + member_ + " after");
  }
  Status show(const Cursor& after, const Cursor& at, std::string_view chunk) override {
    STREAM_TRY(hook_("show " + member_ + " before"));
    STREAM_TRY(sink_->show(after, at, chunk));
    return hook_("show " + member_ + " after");
  }

  void spool_to(TakeChunk take) override { sink_->spool_to(std::move(take)); }
  Status cut() override { return sink_->cut(); }
  Status on_open(Open& open, Output& out) override { return sink_->on_open(open, out); }
  Status on_records(const Batch& batch, Output& out) override { return sink_->on_records(batch, out); }
  Status on_side(const SideRecord& item, Output& out) override { return sink_->on_side(item, out); }
  Status on_watermark(const Watermark& item, Output& out) override { return sink_->on_watermark(item, out); }
  Status on_caught_up(const CaughtUp& item, Output& out) override { return sink_->on_caught_up(item, out); }
  Status on_idle(const Idle& item, Output& out) override { return sink_->on_idle(item, out); }
  Status on_assign(const Assign& item, Output& out) override { return sink_->on_assign(item, out); }
  Status on_revoke(const Revoke& item, Output& out) override { return sink_->on_revoke(item, out); }
  Status on_barrier(const Barrier& item, Output& out) override { return sink_->on_barrier(item, out); }
  Status on_ack(const Ack& item, Output& out) override { return sink_->on_ack(item, out); }
  Status on_end(const End& item, Output& out) override { return sink_->on_end(item, out); }
  Status on_quiet(Output& out) override { return sink_->on_quiet(out); }
  [[nodiscard]] std::optional<MonoTime> deadline() const override { return sink_->deadline(); }
  Status on_deadline(Output& out) override { return sink_->on_deadline(out); }
  [[nodiscard]] bool stateful() const override { return sink_->stateful(); }
  Status snapshot(StateWriter& out) const override { return sink_->snapshot(out); }
  Status restore(StateReader& in) override { return sink_->restore(in); }

 private:
  std::unique_ptr<checkpoint::TransactionalSink> sink_;
  Hook hook_;
  std::string member_;
};

}  // namespace streamutils::crash
