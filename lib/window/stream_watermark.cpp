// SPDX-License-Identifier: Apache-2.0
#include "lib/window/stream_watermark.hpp"

#include <algorithm>
#include <utility>

namespace streamutils::window {

void StreamWatermark::make_known(UnitId unit) {
  if (unit >= units_.size()) units_.resize(unit + 1);
  units_[unit].known = true;
}

bool StreamWatermark::set_watermark(UnitId unit, EventTime time) {
  add(unit);
  Unit& u = units_[unit];
  if (time <= u.watermark) return false;
  const EventTime before = std::exchange(u.watermark, time);
  // Only a unit at the minimum can have held it back.
  return !u.idle && before <= watermark_ && rise();
}

bool StreamWatermark::set_idle(UnitId unit, bool idle) {
  add(unit);
  units_[unit].idle = idle;
  // Also a unit that comes back can raise it: all were idle, and it is ahead of where they stopped.
  return rise();
}

bool StreamWatermark::rise() {
  EventTime lowest = kAfterAll;
  bool active = false;
  for (const Unit& u : units_) {
    if (!u.known || u.idle) continue;
    active = true;
    lowest = std::min(lowest, u.watermark);
  }
  if (!active || lowest <= watermark_) return false;
  watermark_ = lowest;
  return true;
}

void StreamWatermark::save(StateWriter& out, const Units& names) const {
  out.i64(watermark_.us);
  out.u64(static_cast<uint64_t>(std::count_if(units_.begin(), units_.end(), [](const Unit& u) { return u.known; })));
  for (UnitId unit = 0; unit < units_.size(); ++unit) {
    if (!units_[unit].known) continue;
    out.text(names.name(unit));
    out.u8(units_[unit].idle);
    out.i64(units_[unit].watermark.us);
  }
}

bool StreamWatermark::load(StateReader& in, Units& names) {
  watermark_.us = in.i64();
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const UnitId unit = names.id(in.text());
    make_known(unit);
    units_[unit].idle = in.u8() != 0;
    units_[unit].watermark.us = in.i64();
  }
  return in.ok();
}

}  // namespace streamutils::window
