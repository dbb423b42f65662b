// SPDX-License-Identifier: Apache-2.0
#include "lib/window/saved_windows.hpp"

#include <charconv>

#include "lib/stream/state.hpp"
#include "lib/stream/state_options.hpp"

namespace streamutils::window {

namespace {

std::vector<std::string> split_fields(std::string_view text) {
  std::vector<std::string> fields;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    fields.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return fields;
}

/// Puts the option's duration into each of `targets`; left as they are when it was not given.
Status take_duration(const StateOptions& options, std::string_view name, std::initializer_list<Duration*> targets) {
  const std::string* text = options.find(name);
  if (!text) return {};
  auto duration = parse_duration(*text);
  if (!duration.ok()) return duration.take_status().at(name);
  for (Duration* target : targets) *target = *duration;
  return {};
}

Result<WindowSettings> settings_of(const StateOptions& options) {
  WindowSettings s;
  if (options.find("--session")) s.kind = WindowKind::session;
  STREAM_TRY(take_duration(options, "--session", {&s.size, &s.slide}));
  if (const std::string* zone = options.find("--tz")) {
    const std::string* text = options.find("--tumbling");
    s.calendar = text ? CalendarSpan::parse(*text) : std::nullopt;
    if (!s.calendar) return failed("the saved options of the windows are damaged");
    s.calendar->zone = *zone;
    s.size = s.slide = s.calendar->nominal();
  } else {
    STREAM_TRY(take_duration(options, "--tumbling", {&s.size, &s.slide}));
  }
  if (options.find("--global")) s.kind = WindowKind::global;
  if (const std::string* count = options.find("--count")) {
    s.kind = WindowKind::count;
    const auto read = std::from_chars(count->data(), count->data() + count->size(), s.count);
    if (read.ec != std::errc()) return failed("the saved options of the windows are damaged");
  }
  if (const std::string* fill = options.find("--fill")) {
    s.fill = *fill;
    s.fill_for.emplace();
    STREAM_TRY(take_duration(options, "--fill-for", {&*s.fill_for}));
  }
  if (const std::string* having = options.find("--having")) s.having = *having;
  if (options.find("--cumulate")) s.kind = WindowKind::cumulate;
  STREAM_TRY(take_duration(options, "--cumulate", {&s.size}));
  STREAM_TRY(take_duration(options, "--sliding", {&s.size}));
  STREAM_TRY(take_duration(options, "--every", {&s.slide}));
  STREAM_TRY(take_duration(options, "--offset", {&s.offset}));
  STREAM_TRY(take_duration(options, "--allowed-lateness", {&s.allowed_lateness}));
  if (const std::string* keys = options.find("--key")) s.keys = split_fields(*keys);
  if (const std::string* where = options.find("--where")) s.where = *where;
  if (const std::string* aggregates = options.find("--agg")) s.aggregates = *aggregates;
  if (const std::string* scope = options.find("--scope")) s.scope = *scope == "unit" ? Scope::unit : Scope::stream;
  return s;
}

}  // namespace

Result<std::unique_ptr<WindowOperator>> open_saved_windows(std::string_view state, Context& context) {
  StateReader head(state);
  head.u32();  // the version, which restore() looks at
  StateOptions options;
  if (!options.load(head)) return failed("the saved state of the windows is damaged");
  STREAM_ASSIGN(WindowSettings settings, settings_of(options));
  STREAM_ASSIGN(auto windows, WindowOperator::create(std::move(settings), context));
  StateReader in(state);
  STREAM_TRY(windows->restore(in));
  return windows;
}

}  // namespace streamutils::window
