// SPDX-License-Identifier: Apache-2.0
// The saved state of a WindowOperator:
//   u32 version | options (lib/stream/state_options.hpp) | u32 number of accumulators in a row, and for each: text,
//   text call (PlanPart) | i64 microseconds to the next early firing, -1 without | scope stream: the watermarks of
//   units | u64 number of sets, and for each: text unit, the set
//
// What may change from one start to the next: --agg (accumulators are matched by what they hold, so that a result that
// is renamed or moved goes on, as does one whose accumulator holds what a new one needs), --allowed-lateness (the sets
// compute anew what is gone; what is gone already stays so), and what shapes no state: --early, --late-fire,
// --time-format, --max-keys.
#include "lib/stream/state_options.hpp"
#include "lib/window/figures.hpp"
#include "lib/window/window_operator.hpp"

namespace streamutils::window {

namespace {

constexpr uint32_t kStateVersion = 1;
constexpr uint32_t kMaxParts = 256;
constexpr std::string_view kWhat = "the windows";

const std::vector<std::string_view>& shaping_options() {
  static const std::vector<std::string_view> names = {"--tumbling", "--sliding", "--cumulate", "--every", "--session",
                                                      "--count",    "--global",  "--offset",   "--tz",    "--key",
                                                      "--where",    "--scope",   "--having",   "--fill",  "--fill-for"};
  return names;
}

Status damaged() { return failed("the saved state of {} is damaged", kWhat); }

/// Each result of a list with what it is computed from, as text: equal texts are equal results.
using Definitions = std::vector<std::pair<std::string, std::string>>;

Definitions definitions_of(const std::string& list_text) {
  Definitions definitions;
  FieldSet fields;
  const auto list = expr::parse_aggregates(list_text, fields);
  if (!list.ok()) return definitions;
  for (const expr::AggregateItem& item : list->items) {
    std::string text = item.over_results ? item.over_results->text() : item.function + '(';
    if (!item.over_results) {
      for (const size_t slot : item.fields) text += (text.back() == '(' ? "" : ", ") + fields.text(slot);
      for (const std::string& argument : item.arguments) text += ", " + argument;
      text += ')';
      if (item.where) text += " where " + item.where->text();
    }
    definitions.emplace_back(item.name, std::move(text));
  }
  return definitions;
}

const std::string* find(const Definitions& definitions, std::string_view name) {
  for (const auto& [known, text] : definitions) {
    if (known == name) return &text;
  }
  return nullptr;
}

void say_changes(const Definitions& saved, const Definitions& given, const std::vector<std::string>& begin_empty,
                 Log& log) {
  for (const auto& [name, text] : given) {
    const std::string* before = find(saved, name);
    if (before && *before == text) continue;
    const std::string what =
        before ? fmt::format("'{}' was {}, is {}", name, *before, text) : fmt::format("'{}' is new: {}", name, text);
    if (std::find(begin_empty.begin(), begin_empty.end(), name) != begin_empty.end()) {
      log.warn("--agg: {}; in windows that are open it begins empty, with the records from here on", what);
    } else {
      log.info("--agg: {}; what it is computed from is in the checkpoint", what);
    }
  }
  for (const auto& [name, text] : saved) {
    if (!find(given, name)) log.info("--agg: '{}' is left out, it was {}", name, text);
  }
}

}  // namespace

StateOptions WindowOperator::state_options() const {
  const WindowSettings& s = settings_;
  StateOptions options;
  if (s.kind == WindowKind::session) {
    options.add("--session", format_duration(s.size));
  } else if (s.kind == WindowKind::count) {
    options.add("--count", std::to_string(s.count));
  } else if (s.kind == WindowKind::global) {
    options.add("--global", "");
  } else if (s.calendar) {
    options.add("--tumbling", s.calendar->text());
    options.add("--tz", s.calendar->zone);
  } else if (s.kind == WindowKind::cumulate) {
    options.add("--cumulate", format_duration(s.size));
    options.add("--every", format_duration(s.slide));
  } else if (s.size == s.slide) {
    options.add("--tumbling", format_duration(s.size));
  } else {
    options.add("--sliding", format_duration(s.size));
    options.add("--every", format_duration(s.slide));
  }
  if (s.fill) {
    options.add("--fill", *s.fill);
    options.add("--fill-for", format_duration(longest_fill(s)));
  }
  if (!compiled_.having_text.empty()) options.add("--having", compiled_.having_text);
  if (s.offset.us != 0) options.add("--offset", format_duration(s.offset));
  if (!compiled_.key_slots.empty()) {
    std::string keys;
    for (const size_t slot : compiled_.key_slots) {
      if (!keys.empty()) keys += ',';
      keys += compiled_.fields.text(slot);
    }
    options.add("--key", std::move(keys));
  }
  if (compiled_.where) options.add("--where", compiled_.where_text);
  options.add("--scope", by_unit() ? "unit" : "stream");
  options.add("--agg", s.aggregates);
  options.add("--allowed-lateness", format_duration(s.allowed_lateness));
  return options;
}

Status WindowOperator::snapshot(StateWriter& out) const {
  out.u32(kStateVersion);
  state_options().save(out);
  const std::vector<PlanPart> parts = compiled_.plan.parts();
  out.u32(static_cast<uint32_t>(parts.size()));
  for (const PlanPart& part : parts) {
    out.text(part.text);
    out.text(part.call);
  }
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
  STREAM_TRY(read_state_version(in, kStateVersion, kWhat));
  StateOptions saved;
  if (!saved.load(in)) return damaged();
  STREAM_TRY(require_same(saved, state_options(), shaping_options()));
  const uint32_t count = in.u32();
  if (count > kMaxParts) return damaged();
  std::vector<PlanPart> parts;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string text(in.text());
    parts.push_back({std::move(text), std::string(in.text())});
  }
  STREAM_TRY(in.status(kWhat));
  STREAM_TRY(adopt(saved, parts));
  const int64_t to_early = in.i64();
  if (next_early_ && to_early >= 0) {
    next_early_ = context_.clock.mono() + Duration{std::min(to_early, settings_.early->us)};
  }
  bool good = by_unit() || minimum_.load(in, context_.units);
  for (uint64_t n = in.u64(); good && n > 0 && in.ok(); --n) {
    const UnitId unit = context_.units.id(in.text());
    const bool is_new = unit >= sets_.size() || !sets_[unit];
    good = is_new && (by_unit() || unit == Units::kStream) && set_of(unit).load(in);
  }
  STREAM_TRY(in.status(kWhat));
  if (!good || !in.at_end()) return damaged();
  update_figures();
  return {};
}

Status WindowOperator::adopt(const StateOptions& saved, const std::vector<PlanPart>& parts) {
  if (parts != compiled_.plan.parts()) {
    auto made = compile(settings_, &parts);
    if (!made.ok()) return std::move(made.take_status()).at(fmt::format("the saved state of {}", kWhat));
    compiled_.plan = std::move(made->plan);
    rows_.emplace(compiled_.plan);  // of other sizes; there are none yet
  }
  const std::string* aggregates = saved.find("--agg");
  if (!aggregates || *aggregates != settings_.aggregates) {
    say_changes(aggregates ? definitions_of(*aggregates) : Definitions(), definitions_of(settings_.aggregates),
                compiled_.plan.begin_empty(), context_.log);
  }
  const std::string* lateness = saved.find("--allowed-lateness");
  const std::string now = format_duration(settings_.allowed_lateness);
  if (lateness && *lateness != now) {
    context_.log.info(
        "--allowed-lateness was {}, is {}: windows that are open are kept until then; those that are gone "
        "stay so",
        *lateness, now);
  }
  return {};
}

}  // namespace streamutils::window
