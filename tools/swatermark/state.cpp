// SPDX-License-Identifier: Apache-2.0
// The saved state of swatermark:
//   u32 version | options (lib/stream/state_options.hpp) | u32 number of units, and for each: text unit, u8 has
//   records, i64 largest event time, i64 watermark, u8 idle
//
// What may change from one start to the next: --bounded and --step, for a watermark that stands never falls, and rises
// again when max - bound has passed it; --max-future and --idle-after, which shape no state. --time and --time-unit may
// not: the times of one field say nothing of another's, and windows downstream are full of them.
#include <algorithm>

#include "tools/swatermark/swatermark.hpp"

namespace streamutils::swatermark {

namespace {

constexpr uint32_t kStateVersion = 1;
constexpr std::string_view kWhat = "swatermark";

}  // namespace

StateOptions Swatermark::state_options() const {
  StateOptions options;
  options.add("--time", fields_.text(0));
  options.add("--time-unit", std::string(name(options_.time_unit)));
  options.add("--bounded", format_duration(options_.bounded));
  options.add("--step", format_duration(options_.step));
  return options;
}

Status Swatermark::snapshot(StateWriter& out) const {
  out.u32(kStateVersion);
  state_options().save(out);
  const auto counts = [](const UnitState& u) { return u.known || u.idle; };
  out.u32(static_cast<uint32_t>(std::count_if(units_.begin(), units_.end(), counts)));
  for (UnitId id = 0; id < units_.size(); ++id) {
    const UnitState& u = units_[id];
    if (!counts(u)) continue;
    out.text(context_.units.name(id));
    out.u8(u.known);
    out.i64(u.max_us);
    out.i64(u.watermark.us);
    out.u8(u.idle);
  }
  return {};
}

Status Swatermark::restore(StateReader& in) {
  STREAM_TRY(read_state_version(in, kStateVersion, kWhat));
  StateOptions saved;
  if (!saved.load(in)) return failed("the saved state of {} is damaged", kWhat);
  const StateOptions given = state_options();
  STREAM_TRY(require_same(saved, given, {"--time", "--time-unit"}));
  for (const std::string_view option : {"--bounded", "--step"}) {
    const std::string *before = saved.find(option), *now = given.find(option);
    if (!before || *before == *now) continue;
    context_.log.info("{} was {}, is {}: watermarks stay where they are until the records ask for more", option,
                      *before, *now);
  }
  for (uint32_t n = in.u32(); n > 0 && in.ok(); --n) {
    UnitState& u = unit(context_.units.id(in.text()));
    u.known = in.u8() != 0;
    u.max_us = in.i64();
    u.watermark = EventTime{in.i64()};
    u.idle = in.u8() != 0;
    wake_restored_ |= u.idle;
  }
  STREAM_TRY(in.status(kWhat));
  return in.at_end() ? Status() : failed("the saved state of {} is damaged", kWhat);
}

}  // namespace streamutils::swatermark
