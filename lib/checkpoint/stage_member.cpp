// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/stage_member.hpp"

#include <functional>

#include "lib/checkpoint/members.hpp"
#include "lib/checkpoint/snapshot.hpp"
#include "lib/checkpoint/start.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::checkpoint {

namespace {

constexpr size_t kKeptBuffer = 4 << 20;  // memory that is given back and taken again costs more than filling it

/// Passes everything on, and calls back in front of the end.
class BeforeEnd final : public Output {
 public:
  BeforeEnd(Output& out, std::function<Status()> call) : out_(out), call_(std::move(call)) {}
  Status records(const Batch& batch) override { return out_.records(batch); }
  Status control(const Control& item) override {
    if (std::holds_alternative<End>(item)) STREAM_TRY(call_());
    return out_.control(item);
  }
  Status flush() override { return out_.flush(); }

 private:
  Output& out_;
  std::function<Status()> call_;
};

}  // namespace

StageMember::StageMember(Operator& op, std::string program, ObjectStore& store, Patience& patience, Context& context)
    : op_(op), program_(std::move(program)), store_(store), patience_(patience), context_(context) {}

Status StageMember::on_open(Open& open, Output& out) {
  STREAM_TRY(check_begun(open));  // and no `open` of ours: the next program is to see the same
  run_ = open.run;
  if (!open.stages.empty()) name_ = member_name(open.stages, open.stages.size() - 1);
  STREAM_TRY(op_.on_open(open, out));
  STREAM_TRY(out.flush());
  if (!op_.stateful()) return {};
  snapshot_seconds_ = &context_.metrics.gauge("stream_checkpoint_snapshot_seconds",
                                              "From the last barrier until the state was written and synced.");
  snapshot_bytes_ = &context_.metrics.gauge("stream_checkpoint_snapshot_bytes", "Size of the last saved state.");
  STREAM_ASSIGN(const Manifest manifest, await_start(store_, run_, patience_));
  generation_ = manifest.generation;
  finished_ = manifest.kind == Manifest::Kind::finished;
  if (finished_) return {};
  return restore_member(op_, name_, program_, manifest, store_, context_);
}

Status StageMember::on_barrier(const Barrier& item, Output& out) {
  const MonoTime since = context_.clock.mono();
  STREAM_TRY(op_.on_barrier(item, out));
  if (!op_.stateful()) return {};
  STREAM_TRY(out.flush());  // the stages behind write their states while we write ours
  return acknowledge(item.epoch, since, out);
}

Status StageMember::on_end(const End& item, Output& out) {
  if (!op_.stateful() || finished_) return op_.on_end(item, out);
  if (!item.last_epoch) {
    return failed(
        "the stream ended without its last epoch: it was cut off, and the next start goes on from the checkpoint");
  }
  BeforeEnd gate(out, [&] { return acknowledge(*item.last_epoch, context_.clock.mono(), out); });
  return op_.on_end(item, gate);
}

Status StageMember::acknowledge(uint64_t epoch, MonoTime since, Output& out) {
  StateWriter state(std::exchange(buffer_, {}));
  STREAM_TRY(op_.snapshot(state));
  Snapshot snapshot{.program = program_, .version = STREAM_VERSION, .state = state.take()};
  auto ref = put_snapshot(store_, state_name(run_, epoch, name_), snapshot);
  if (snapshot.state.capacity() <= kKeptBuffer) buffer_ = std::move(snapshot.state);
  if (!ref.ok()) return or_fenced(ref.take_status(), store_, generation_);
  snapshot_seconds_->set(static_cast<double>((context_.clock.mono() - since).us) / 1e6);
  snapshot_bytes_->set(static_cast<double>(ref->bytes));
  return out.control(Ack{.epoch = epoch, .stage = name_, .objects = {*std::move(ref)}, .cursor = {}});
}

Status restore_member(Operator& op, std::string_view name, std::string_view program, const Manifest& manifest,
                      ObjectStore& store, Context& context) {
  const Ack* saved = manifest.member(name);
  const ObjectRef* ref = nullptr;
  for (size_t i = 0; saved && i < saved->objects.size(); ++i) {
    if (saved->objects[i].name.starts_with("state/")) ref = &saved->objects[i];
  }
  if (!ref) {
    if (!manifest.members.empty()) context.log.warn("the checkpoint knows nothing of {}: it begins empty", name);
    return {};
  }
  STREAM_ASSIGN(const Snapshot snapshot, get_snapshot(store, *ref));
  if (snapshot.program != program) {
    return usage_error("the state of {} in the checkpoint was written by {}{}", name, snapshot.program, way_out(store));
  }
  StateReader state(snapshot.state);
  return op.restore(state);
}

}  // namespace streamutils::checkpoint
