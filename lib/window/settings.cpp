// SPDX-License-Identifier: Apache-2.0
#include "lib/window/settings.hpp"

#include <fmt/format.h>

#include <limits>

#include "lib/json/record_parser.hpp"

namespace streamutils::window {

namespace {

bool tumbling(const WindowSettings& s) { return s.kind == WindowKind::aligned && s.size == s.slide; }

std::string_view size_option(const WindowSettings& s) {
  switch (s.kind) {
    case WindowKind::session:
      return "--session";
    case WindowKind::cumulate:
      return "--cumulate";
    case WindowKind::count:
      return "--count";
    case WindowKind::global:
      return "--global";
    case WindowKind::aligned:
      break;
  }
  return tumbling(s) ? "--tumbling" : "--sliding";
}

/// Do windows end at times that are known beforehand or follow from their records, so that the watermark fires them?
bool ends_in_time(const WindowSettings& s) { return s.kind != WindowKind::count && s.kind != WindowKind::global; }

constexpr int64_t kMostWindows = 1'000'000;  // that a record is in: each is a result

Status check_shape(const WindowSettings& s) {
  if (s.calendar) {
    if (s.kind != WindowKind::aligned || !tumbling(s))
      return usage_error("--tz: only --tumbling windows follow a calendar");
    if (s.offset.us != 0)
      return usage_error("--offset: windows of a calendar have none, they begin where their unit does");
    return Calendar::create(*s.calendar).take_status();
  }
  if (!ends_in_time(s)) {
    if (s.offset.us != 0) return usage_error("--offset: windows of {} have none", size_option(s));
    if (s.kind == WindowKind::count && s.count < 1) return usage_error("--count must be at least 1");
    return {};
  }
  if (s.size.us <= 0) return usage_error("{}: '{}' is not longer than 0", size_option(s), format_duration(s.size));
  if (s.kind == WindowKind::session) {
    if (s.offset.us != 0) return usage_error("--offset: sessions have none, they start at their first record");
    return {};
  }
  if (s.slide.us <= 0) return usage_error("--every: '{}' is not longer than 0", format_duration(s.slide));
  const bool cumulates = s.kind == WindowKind::cumulate;
  if (cumulates && s.size.us % s.slide.us != 0) {
    return usage_error("--cumulate: '{}' is not a multiple of --every {}, by which its windows grow",
                       format_duration(s.size), format_duration(s.slide));
  }
  if (s.size.us / s.slide.us > kMostWindows) {
    return usage_error("--every: each record would be in {} windows of {}; {} are allowed", s.size.us / s.slide.us,
                       format_duration(s.size), kMostWindows);
  }
  const Duration grid = cumulates ? s.size : s.slide;
  // The smallest int64 has no absolute value, but it is out of bounds all the same.
  if (s.offset.us <= -grid.us || s.offset.us >= grid.us) {
    return usage_error("--offset: '{}' is not smaller than {} {}; windows start at multiples of it plus the offset",
                       format_duration(s.offset),
                       cumulates     ? "--cumulate"
                       : tumbling(s) ? "the window of"
                                     : "--every",
                       format_duration(grid));
  }
  return {};
}

Status check_firing(const WindowSettings& s) {
  if (s.allowed_lateness.us < 0) {
    return usage_error("--allowed-lateness: '{}' is below 0", format_duration(s.allowed_lateness));
  }
  if (s.allowed_lateness.us > 0 && !ends_in_time(s)) {
    return usage_error("--allowed-lateness: nothing is late for windows of {}; leave it out", size_option(s));
  }
  if (s.early && s.kind == WindowKind::count) {
    return usage_error("--early: windows of --count are written when they have their records; leave it out");
  }
  if (s.late_fire && s.late_fire->us <= 0) {
    return usage_error("--late-fire: '{}' is not longer than 0", format_duration(*s.late_fire));
  }
  if (s.late_fire && s.allowed_lateness.us == 0) {
    return usage_error("--late-fire: there are no late corrections without --allowed-lateness");
  }
  if (s.early && s.early->us <= 0) return usage_error("--early: '{}' is not longer than 0", format_duration(*s.early));
  return {};
}

Status check_results(const WindowSettings& s) {
  if (s.top < 0) return usage_error("--top must be at least 1");
  if (s.top == 0) return {};
  if (s.top_by.empty()) return usage_error("--top needs --by AGG: the aggregate whose largest values count");
  if (s.kind == WindowKind::session || s.kind == WindowKind::count) {
    return usage_error("--top: windows of {} have bounds of their own for each key, so there is nothing to rank",
                       size_option(s));
  }
  if (s.allowed_lateness.us > 0 || s.early) {
    return usage_error("--top: ranks are given once, when a window is complete; leave out {}, or rank behind the sink",
                       s.early ? "--early" : "--allowed-lateness");
  }
  return {};
}

Status check_fill(const WindowSettings& s) {
  if (!s.fill) return s.fill_for ? usage_error("--fill-for goes with --fill only") : Status();
  if (!tumbling(s)) return usage_error("--fill goes with --tumbling windows only, which follow one another");
  if (s.fill_for && s.fill_for->us <= 0) {
    return usage_error("--fill-for: '{}' is not longer than 0", format_duration(*s.fill_for));
  }
  const char first = s.fill->empty() ? '[' : s.fill->front();
  if (first == '[' || first == '{' || !is_json_value(*s.fill)) {
    return usage_error("--fill: '{}' is no JSON scalar; give a number, null, true, false or a string in double quotes",
                       *s.fill);
  }
  return {};
}

Status check_partials(const WindowSettings& s) {
  if (s.partial && !tumbling(s)) {
    return usage_error("--partial goes with --tumbling windows, which have each record once; give {} to --merge",
                       size_option(s));
  }
  const char* const selects = !s.having.empty() ? "--having" : s.top > 0 ? "--top" : s.fill ? "--fill" : nullptr;
  if (s.partial && selects) {
    return usage_error("{}: partials are no results yet; leave it out here and give it to the last --merge", selects);
  }
  if (s.merge && (s.kind == WindowKind::session || s.kind == WindowKind::count)) {
    return usage_error(
        "--merge: partials hold no single records, of which windows of {} are made; give it to the program that reads "
        "the records",
        size_option(s));
  }
  return {};
}

Status check_time_format(const WindowSettings& s) {
  if (s.time_format == TimeFormat::iso || s.time_format == TimeFormat::us) return {};
  if (s.kind == WindowKind::global) return {};
  const bool seconds = s.time_format == TimeFormat::s;
  const std::string_view unit = seconds ? "s" : "ms";
  if (s.kind == WindowKind::session || s.kind == WindowKind::count) {
    return usage_error(
        "--time-format: '{}' cannot show the bounds of {} windows, which are exact to the microsecond; use iso or us",
        unit, size_option(s));
  }
  const int64_t us = seconds ? 1'000'000 : 1'000;
  const std::pair<std::string_view, Duration> parts[] = {
      {size_option(s), s.size}, {"--every", s.slide}, {"--offset", s.offset}};
  for (const auto& [option, length] : parts) {
    if (length.us % us != 0) {
      return usage_error(
          "--time-format: '{}' cannot show the window bounds, since {} {} is not whole in it; use iso or us", unit,
          option, format_duration(length));
    }
  }
  return {};
}

}  // namespace

SliceAssigner assigner(const WindowSettings& s) {
  if (s.calendar) return SliceAssigner(*Calendar::create(*s.calendar));
  if (s.kind == WindowKind::cumulate) return SliceAssigner::cumulating(s.size, s.slide, s.offset);
  return {s.size, s.slide, s.offset};
}

Duration longest_fill(const WindowSettings& s) {
  if (s.fill_for) return *s.fill_for;
  int64_t longest = 0;
  return {__builtin_mul_overflow(s.size.us, kFillWindows, &longest) ? std::numeric_limits<int64_t>::max() : longest};
}

Status check(const WindowSettings& settings) {
  STREAM_TRY(check_shape(settings));
  STREAM_TRY(check_firing(settings));
  STREAM_TRY(check_results(settings));
  STREAM_TRY(check_fill(settings));
  STREAM_TRY(check_partials(settings));
  return check_time_format(settings);
}

}  // namespace streamutils::window
