// SPDX-License-Identifier: Apache-2.0
#include "tools/swatermark/swatermark.hpp"

#include <algorithm>
#include <utility>

namespace streamutils::swatermark {

namespace {
constexpr Duration kDay{86'400'000'000};
constexpr Duration kLookEvery{10'000};  // for the unit that holds the watermark: all units are looked at
}  // namespace

Result<std::unique_ptr<Swatermark>> Swatermark::create(const Options& options, Context& context) {
  FieldSet fields;
  auto slot = fields.add(options.time_field);
  if (!slot.ok()) return slot.take_status().at("--time");
  return std::unique_ptr<Swatermark>(new Swatermark(options, std::move(fields), context));
}

Swatermark::Swatermark(const Options& options, FieldSet fields, Context& context)
    : options_(options),
      fields_(std::move(fields)),
      reader_(fields_, context),
      context_(context),
      late_total_(context.metrics.counter("stream_behind_watermark_records_total",
                                          "Records whose time was behind the watermark of their unit.")) {
  reader_.want_times(0, options_.time_unit);
}

Swatermark::UnitState& Swatermark::unit(UnitId id) {
  if (id >= units_.size()) units_.resize(id + 1);
  UnitState& state = units_[id];
  if (!state.present) {
    state.present = true;
    state.since = context_.clock.mono();
  }
  return state;
}

Status Swatermark::on_open(Open& open, Output& out) {
  open.time = TimeField{options_.time_field, options_.time_unit, Duration{0}};
  return out.control(open);
}

Status Swatermark::on_records(const Batch& batch, Output& out) {
  STREAM_TRY(wake_restored(out));
  UnitState& state = unit(batch.unit);
  STREAM_TRY(wake(batch.unit, state, out));
  const MonoTime now = about_now(batch.size());
  const uint64_t late_before = state.late, records_before = state.records;
  uint64_t without_time = 0;
  reader_.begin(batch);
  reader_.read_all();
  times_ = reader_.times();
  size_t first = 0;  // of the records not yet given
  for (size_t i = 0; i < times_.size(); ++i) {
    const EventTime time{times_[i]};
    // As a watermark, the largest would be the end of time.
    const bool is_time = time != kBeforeAll && time != kAfterAll;
    if (!is_time || (options_.max_future && too_far(batch, i, time))) {
      STREAM_TRY(give(batch, first, i, out));
      first = i + 1;
      ++without_time;
      STREAM_TRY(take_out(batch, i, is_time ? std::optional(time) : std::nullopt, state, out));
      continue;
    }
    if (state.known && time.us <= state.max_us) {
      note_disorder(time, state);
      continue;
    }
    state.max_us = time.us;
    if (state.known && time.us < state.rises_at) continue;
    const EventTime before = state.watermark;
    const EventTime risen = watermark_at(time.us);
    if (risen > before) {
      if (state.known) warn_of_jump(batch, i, before, risen);
      STREAM_TRY(give(batch, first, i + 1, out));
      first = i + 1;
      state.watermark = risen;
      state.last_rise = now;
      state.records_at_rise = records_before + (i + 1 - without_time);
      STREAM_TRY(out.control(Watermark{batch.unit, risen}));
    }
    state.rises_at = rises_after(state.watermark);
    state.known = true;
  }
  state.records += batch.size() - without_time;
  state.last_record = now;
  lateness_.count(batch.size() - without_time);
  if (state.late > late_before) late_total_.add(static_cast<int64_t>(state.late - late_before));
  if (now - last_look_ >= kLookEvery) look_for_holder(now);
  return give(batch, first, batch.size(), out);
}

/// Nothing is there to read: when the next records come, time will have passed.
Status Swatermark::on_quiet(Output&) {
  records_since_clock_ = kClockEvery;
  return {};
}

/// For explain(). Not read for every batch, which may be a single record: that took a tenth of the time of such a
/// stream.
MonoTime Swatermark::about_now(size_t records) {
  records_since_clock_ += records;
  if (records_since_clock_ >= kClockEvery) {
    records_since_clock_ = 0;
    now_ = context_.clock.mono();
  }
  return now_;
}

/// Of a record that is no newer than those before it. Unsigned, the difference of any two times is right.
void Swatermark::note_disorder(EventTime time, UnitState& state) {
  const auto us = static_cast<uint64_t>(time.us);
  if (time.us != state.max_us) lateness_.behind_newest(static_cast<uint64_t>(state.max_us) - us);
  if (time < state.watermark) {
    ++state.late;
    lateness_.behind_watermark(static_cast<uint64_t>(state.watermark.us) - us);
  }
}

Status Swatermark::give(const Batch& batch, size_t first, size_t end, Output& out) {
  if (first == end) return {};
  Batch part = batch.part(first, end - first);
  reader_.give(part, first);
  part.times = times_.subspan(first, end - first);
  return out.records(part);
}

EventTime Swatermark::watermark_at(int64_t max_us) const {
  const EventTime bound = subtract_saturating(EventTime{max_us}, options_.bounded);
  return options_.step.us == 0 || bound == kBeforeAll ? bound : EventTime{floor_to(bound.us, options_.step.us)};
}

/// The watermark stays where it is until a record is this new.
int64_t Swatermark::rises_after(EventTime watermark) const {
  constexpr int64_t kUnknown = kBeforeAll.us;  // any time may
  int64_t next = 0, at = 0;
  if (watermark == kBeforeAll || options_.step.us == 0) return kUnknown;
  if (__builtin_add_overflow(floor_to(watermark.us, options_.step.us), options_.step.us, &next)) return kUnknown;
  return __builtin_add_overflow(next, options_.bounded.us, &at) ? kUnknown : at;
}

bool Swatermark::too_far(const Batch& batch, size_t i, EventTime time) const {
  const int64_t now = batch.kafka_times.empty() ? context_.clock.wall().us : batch.kafka_times[i];
  return time > add_saturating(EventTime{now}, *options_.max_future);
}

/// Of a record that is too far in the future, or has no time.
Status Swatermark::take_out(const Batch& batch, size_t i, std::optional<EventTime> time, const UnitState& state,
                            Output& out) {
  ++(time ? early_ : bad_times_);
  const ParseError error = reader_.error(i);
  const std::string_view invalid = error != ParseError::none ? streamutils::reason(error) : "bad_time";
  const std::string_view label = time ? "early" : "invalid", reason = time ? "max_future" : invalid;
  SideRecord side{.label = label, .reason = reason, .unit = batch.unit, .offset = batch.offset(i), .time = time};
  if (state.watermark != kBeforeAll) side.watermark = state.watermark;
  const std::string_view record = batch.record(i);
  side.record = record;
  return out.control(side);
}

void Swatermark::warn_of_jump(const Batch& batch, size_t i, EventTime from, EventTime to) {
  if (jump_warned_ || from == kBeforeAll || subtract_saturating(to, kDay) <= from) return;
  jump_warned_ = true;  // once is enough to look; the metrics go on counting
  context_.log.warn(
      "{}: one record moved the watermark from {} to {} (--max-future D keeps records from the future out)",
      format_place(context_.units, batch.unit, batch.offset(i)), format_iso(from), format_iso(to));
}

Status Swatermark::wake(UnitId id, UnitState& state, Output& out) {
  state.caught_up_since.reset();
  if (!state.idle) return {};
  state.idle = false;
  look_for_holder();
  return out.control(Idle{id, false});
}

Status Swatermark::wake_restored(Output& out) {
  if (!std::exchange(wake_restored_, false)) return {};
  for (UnitId id = 0; id < units_.size(); ++id) STREAM_TRY(wake(id, units_[id], out));
  return {};
}

/// Earlier watermarks end here: this stage makes its own.
Status Swatermark::on_watermark(const Watermark&, Output&) { return {}; }

/// From a source that knows: a file that has ended is idle without any waiting, so that a replay does not depend on its
/// pace.
Status Swatermark::on_idle(const Idle& item, Output& out) {
  STREAM_TRY(wake_restored(out));
  UnitState& state = unit(item.unit);
  if (!item.idle) return wake(item.unit, state, out);
  if (state.idle) return {};
  state.idle = true;
  look_for_holder();
  return out.control(item);
}

Status Swatermark::on_caught_up(const CaughtUp& item, Output& out) {
  STREAM_TRY(wake_restored(out));
  UnitState& state = unit(item.unit);
  if (item.caught_up) {
    if (!state.caught_up_since) state.caught_up_since = context_.clock.mono();
    STREAM_TRY(out.control(item));
    return {};
  }
  STREAM_TRY(out.control(item));
  return wake(item.unit, state, out);
}

Status Swatermark::on_assign(const Assign& item, Output& out) {
  unit(item.unit);
  look_for_holder();
  return out.control(item);
}

Status Swatermark::on_revoke(const Revoke& item, Output& out) {
  unit(item.unit) = UnitState{};
  look_for_holder();
  return out.control(item);
}

std::optional<MonoTime> Swatermark::deadline() const {
  std::optional<MonoTime> next;
  for (const UnitState& state : units_) {
    if (state.idle || !state.caught_up_since) continue;
    const MonoTime due = *state.caught_up_since + options_.idle_after;
    if (!next || due < *next) next = due;
  }
  return next;
}

Status Swatermark::on_deadline(Output& out) {
  const MonoTime now = context_.clock.mono();
  for (UnitId id = 0; id < units_.size(); ++id) {
    UnitState& state = units_[id];
    if (state.idle || !state.caught_up_since || now < *state.caught_up_since + options_.idle_after) continue;
    state.idle = true;
    STREAM_TRY(out.control(Idle{id, true}));
  }
  look_for_holder(now);
  return {};
}

Status Swatermark::on_end(const End& item, Output& out) {
  ended_ = true;
  if (options_.suggest) return out.control(item);
  if (bad_times_ > 0) context_.log.info("sent to the side stream: invalid {}", bad_times_);
  if (early_ > 0) context_.log.info("sent to the side stream: early {}", early_);
  return out.control(item);
}

}  // namespace streamutils::swatermark
