// SPDX-License-Identifier: Apache-2.0
// The saved state of a WindowOperator:
//   u32 version | text fingerprint | i64 microseconds to the next early firing, -1 without | scope stream: the
//   watermarks of units u64 number of sets, and for each: text unit, the set
#include "lib/window/figures.hpp"
#include "lib/window/window_operator.hpp"

namespace streamutils::window {

namespace {
constexpr uint32_t kStateVersion = 1;
}

std::string WindowOperator::fingerprint() const {
  std::string text = describe_window(settings_);
  text += by_unit() ? "; scope unit; key " : "; scope stream; key ";
  for (size_t i = 0; i < compiled_.key_slots.size(); ++i) {
    if (i > 0) text += ',';
    text += compiled_.fields.text(compiled_.key_slots[i]);
  }
  if (compiled_.where) text += "; where " + compiled_.where_text;
  return text + "; agg " + compiled_.plan.fingerprint();
}

Status WindowOperator::snapshot(StateWriter& out) const {
  out.u32(kStateVersion);
  out.text(fingerprint());
  out.i64(next_early_ ? std::max<int64_t>(0, (*next_early_ - context_.clock.mono()).us) : -1);
  if (!by_unit()) minimum_.save(out, context_.units);
  const std::vector<UnitId> units = units_by_name();
  out.u64(units.size());
  for (const UnitId unit : units) {
    out.text(context_.units.name(unit));
    sets_[unit]->save(out);
  }
  return {};
}

Status WindowOperator::restore(StateReader& in) {
  if (const uint32_t version = in.u32(); version != kStateVersion) {
    return failed("the saved windows have version {}, this program reads {}", version, kStateVersion);
  }
  const std::string mine = fingerprint();
  if (const std::string_view saved = in.text(); saved != mine) {
    return usage_error("the saved windows were made with other options: saved '{}', given '{}'", saved, mine);
  }
  const int64_t to_early = in.i64();
  if (next_early_ && to_early >= 0) {
    next_early_ = context_.clock.mono() + Duration{std::min(to_early, settings_.early->us)};
  }
  bool good = by_unit() || minimum_.load(in, context_.units);
  for (uint64_t n = in.u64(); good && n > 0 && in.ok(); --n) {
    const UnitId unit = context_.units.id(in.text());
    good = set_of(unit).load(in);
  }
  STREAM_TRY(in.status("the windows"));
  if (!good) return failed("the saved windows are damaged");
  update_figures();
  return {};
}

}  // namespace streamutils::window
