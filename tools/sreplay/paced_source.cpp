// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/paced_source.hpp"

#include <algorithm>

namespace streamutils::sreplay {

/// Takes copies of what the inner source gives.
class PacedSource::Hold final : public Output {
 public:
  explicit Hold(std::deque<Held>& held) : held_(held) {}
  Status records(const Batch& batch) override {
    BatchBuilder& records = held_.emplace_back().records;
    records.clear(batch.unit);
    for (size_t i = 0; i < batch.size(); ++i) records.append(batch, i);
    return {};
  }
  Status control(const Control& item) override {
    Held& held = held_.emplace_back();
    held.item = item;
    if (auto* side = std::get_if<SideRecord>(&held.item)) {
      // Labels and reasons of sources are literals; only the record's bytes go away.
      held.record = side->record;
      side->record = held.record;
    }
    return {};
  }

 private:
  std::deque<Held>& held_;
};

Result<Source::State> PacedSource::poll(Output& out, const Waiter& waiter, Duration timeout) {
  if (over_) return State::finished;
  // Before `open` a stop is the inner source's: it gives both.
  if (waiter.stop_requested() && opened_) {
    held_.clear();
    over_ = true;
    STREAM_TRY(out.control(End{.fire = false}));
    return State::finished;
  }
  bool nothing_new = false;
  if (held_.empty()) {
    Hold hold(held_);
    STREAM_ASSIGN(const State state, inner_->poll(hold, waiter, timeout));
    inner_finished_ = state == State::finished;
    nothing_new = state == State::empty;
  }
  STREAM_ASSIGN(const Released released, release(out));
  if (!released.wait) {
    over_ = inner_finished_;
    return over_ ? State::finished : nothing_new ? State::empty : State::delivered;
  }
  if (released.any) return State::delivered;  // and is to be flushed before any wait
  if (timeout.us == 0) return State::empty;
  const Duration bounded = timeout.us < 0 ? *released.wait : std::min(*released.wait, timeout);
  if (waiter.wait(-1, bounded) == Waiter::Event::reader_gone) {
    return Status(Code::broken_pipe, "the reader of the output is gone");
  }
  return State::delivered;  // look again; a requested stop is seen there
}

Result<PacedSource::Released> PacedSource::release(Output& out) {
  const MonoTime now = clock_.mono();
  Released released;
  while (!held_.empty()) {
    Held& held = held_.front();
    const Batch batch = held.records.batch();
    if (batch.size() == 0) {
      opened_ = true;  // the first item of all
      released.any = true;
      STREAM_TRY(out.control(held.item));
      held_.pop_front();
      continue;
    }
    size_t end = held.next;
    MonoTime next = now;
    while (end < batch.size() && (next = due(batch, end, now)) <= now) ++end;
    if (end > held.next) {
      released.any = true;
      STREAM_TRY(out.records(batch.part(held.next, end - held.next)));
      held.next = end;
    }
    if (end < batch.size()) {
      released.wait = std::max(Duration{1000}, next - now);
      break;
    }
    held_.pop_front();
  }
  return released;
}

MonoTime PacedSource::due(const Batch& batch, size_t i, MonoTime now) {
  const auto time = time_of_(batch, i);
  if (!time) return now;
  if (!first_time_) {
    first_time_ = time;
    start_ = now;
  }
  const double ahead = (static_cast<double>(*time) - static_cast<double>(*first_time_)) / speed_;
  constexpr double kCentury = 3.2e15;  // in us: times at the ends of int64 must not overflow
  return start_ + Duration{static_cast<int64_t>(std::clamp(ahead, 0.0, kCentury))};
}

}  // namespace streamutils::sreplay
