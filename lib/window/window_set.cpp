// SPDX-License-Identifier: Apache-2.0
#include "lib/window/window_set.hpp"

#include <algorithm>

#include "lib/window/count_windows.hpp"
#include "lib/window/global_windows.hpp"
#include "lib/window/session_windows.hpp"
#include "lib/window/sliced_windows.hpp"

namespace streamutils::window {

std::unique_ptr<WindowSet> WindowSet::create(SetContext& context) {
  switch (context.settings.kind) {
    case WindowKind::session:
      return std::make_unique<SessionWindows>(context);
    case WindowKind::count:
      return std::make_unique<CountWindows>(context);
    case WindowKind::global:
      return std::make_unique<GlobalWindows>(context);
    case WindowKind::aligned:
    case WindowKind::cumulate:
      break;
  }
  return std::make_unique<SlicedWindows>(context);
}

void Standing::save(StateWriter& out) const {
  out.u8(static_cast<uint8_t>(firing));
  out.text(aggregates);
}

bool Standing::load(StateReader& in) {
  const uint8_t kind = in.u8();
  firing = static_cast<Firing>(kind);
  aggregates = in.text();
  return in.ok() && kind <= static_cast<uint8_t>(Firing::late);
}

int64_t WindowSet::correction_due(int64_t end) const {
  const int64_t every = context_.settings.late_fire->us;
  const int64_t remainder = watermark_.us % every;
  const int64_t to_next = remainder < 0 ? -remainder : every - remainder;
  return std::min(add_saturating(watermark_, Duration{to_next}).us, gone_at(end));
}

void WindowSet::set_watermark(EventTime watermark) {
  watermark_ = watermark;
  // W >= end + L, written so that an overflow of end + L means never.
  horizon_ = std::max(horizon_, subtract_saturating(watermark, context_.settings.allowed_lateness).us);
}

void WindowSet::save_times(StateWriter& out) const {
  out.i64(watermark_.us);
  out.i64(horizon_);
}

void WindowSet::load_times(StateReader& in) {
  const EventTime watermark{in.i64()};
  horizon_ = in.i64();
  set_watermark(watermark);  // a smaller lateness than before takes effect at once
}

}  // namespace streamutils::window
