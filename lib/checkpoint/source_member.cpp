// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/source_member.hpp"

#include <algorithm>

#include "lib/checkpoint/start.hpp"

namespace streamutils::checkpoint {

namespace {
constexpr Duration kLook{5'000};  // how soon an undecided epoch is looked for, at first
}

SourceMember::SourceMember(ObjectStore& store, Duration interval, Patience& patience, Context& context)
    : store_(store), interval_(interval), patience_(patience), context_(context), root_(store) {}

Status SourceMember::on_open(Open& open, Output& out) {
  run_ = open.run;
  STREAM_TRY(out.control(open));
  STREAM_TRY(out.flush());
  STREAM_ASSIGN(const Manifest manifest, await_start(store_, run_, patience_));
  generation_ = manifest.generation;
  next_epoch_ = manifest.number + 1;
  resume_.first = !manifest.from;
  resume_.finished = manifest.kind == Manifest::Kind::finished;
  for (const auto& [unit, position] : manifest.positions) resume_.positions[unit] = position;
  for (const UnitRange& range : manifest.open.sources) {
    if (range.end) resume_.ends[range.unit] = *range.end;
  }
  kept_ = resume_.positions;
  opened_ = true;
  next_cut_ = context_.clock.mono() + interval_;
  return {};
}

void SourceMember::reached(UnitId unit, int64_t next) {
  if (unit >= next_.size()) next_.resize(unit + 1, -1);
  next_[unit] = std::max(next_[unit], next);
}

Status SourceMember::on_records(const Batch& batch, Output& out) {
  if (batch.size() > 0) {
    if (const int64_t last = batch.offset(batch.size() - 1); last >= 0) reached(batch.unit, last + 1);
  }
  return out.records(batch);
}

Status SourceMember::on_side(const SideRecord& item, Output& out) {
  if (item.offset >= 0) reached(item.unit, item.offset + 1);
  return out.control(item);
}

Status SourceMember::on_assign(const Assign& item, Output& out) {
  if (item.unit < next_.size()) next_[item.unit] = -1;
  reached(item.unit, item.position);
  return out.control(item);
}

std::vector<std::pair<std::string, int64_t>> SourceMember::positions() const {
  auto all = kept_;
  for (UnitId unit = 0; unit < next_.size(); ++unit) {
    if (next_[unit] >= 0) all[std::string(context_.units.name(unit))] = next_[unit];
  }
  return {all.begin(), all.end()};
}

std::optional<MonoTime> SourceMember::deadline() const {
  if (!opened_ || resume_.finished || ended_) return std::nullopt;
  return undecided_ ? next_look_ : next_cut_;
}

Status SourceMember::on_deadline(Output& out) {
  if (undecided_) STREAM_TRY(look_for_decision());
  const MonoTime now = context_.clock.mono();
  if (undecided_) {
    STREAM_TRY(root_.waited(look_));
    look_ = std::min(Duration{look_.us * 2}, kLongestLook);
    next_look_ = now + look_;
    return {};
  }
  if (now < next_cut_) return {};
  undecided_ = next_epoch_++;
  undecided_positions_ = positions();
  next_cut_ = now + interval_;
  look_ = kLook;
  next_look_ = now + look_;
  return out.control(Barrier{.epoch = *undecided_, .positions = undecided_positions_});
}

Status SourceMember::look_for_decision() {
  STREAM_ASSIGN(const bool decided, is_decided(store_, *undecided_, run_, generation_));
  if (!decided) return {};
  undecided_.reset();
  root_.begin_again();
  if (decided_) decided_(undecided_positions_);
  return {};
}

Status SourceMember::await_decision() {
  while (undecided_) {
    STREAM_TRY(look_for_decision());
    if (!undecided_) break;
    STREAM_TRY(patience_.pause(kLook));
    STREAM_TRY(root_.waited(kLook));
  }
  return {};
}

Status SourceMember::on_end(const End& item, Output& out) {
  ended_ = true;
  if (resume_.finished) {
    context_.log.warn(
        "checkpoint '{}' is finished: an earlier start has read everything; --fresh on the last program "
        "starts over",
        store_.place());
    return out.control(End{.fire = false});
  }
  STREAM_TRY(out.flush());
  STREAM_TRY(await_decision());
  undecided_ = next_epoch_++;
  undecided_positions_ = positions();
  STREAM_TRY(out.control(End{.fire = item.fire, .last_epoch = undecided_, .positions = undecided_positions_}));
  STREAM_TRY(out.flush());
  if (Status status = await_decision(); !status.ok()) {
    // The sink may have decided and ended before this program looked again.
    if (status.code() != Code::broken_pipe) return status;
    STREAM_TRY(look_for_decision());
    if (undecided_) return status;
  }
  return {};
}

}  // namespace streamutils::checkpoint
