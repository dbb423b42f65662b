// SPDX-License-Identifier: Apache-2.0
#include "tools/swindow/options.hpp"

#include "lib/program/program.hpp"
#include "lib/window/window_operator.hpp"

namespace streamutils::swindow {

namespace {

const cli::Info kInfo{
    .name = "swindow",
    .summary = "aggregate records by key and event-time window",
    .usage =
        "(--tumbling D | --sliding D --every D | --cumulate D --every D | --session D | --count N | --global) --agg "
        "LIST [OPTION]...",
    .description =
        "Reads a stream that swatermark has given event times, groups its records by --key and window, and writes one "
        "result per key and window as soon as the watermark has passed the window's end: window_start, window_end, the "
        "key fields, the aggregates, firing and revision. Windows of --count are written when they are full, those of "
        "--global at the end. Records that come when all their windows are gone go to the side stream as 'late'; "
        "records without a key, or with values that cannot be aggregated, as 'invalid'. Aggregates: count() count(f) "
        "sum(f) "
        "avg(f) rate() rate(f) min(f) max(f) first(f) last(f) any(f) first_by(f,order) last_by(f,order) argmin(f,by) "
        "argmax(f,by) var(f) stddev(f) skewness(f) corr(x,y) distinct(f,...) pNN(f) median(f) mode(f) topk(f,n) "
        "histogram(f,edge,...) collect(f,max), each with an optional 'where EXPR', and arithmetic on them.",
    .examples = {
        {"count per user and 10 seconds",
         R"(printf '%s\n' '{"t":1,"user":"u1"}' '{"t":4,"user":"u2"}' '{"t":12,"user":"u1"}' | )"
         R"(swatermark --time t | swindow --tumbling 10s --key user --agg 'n=count()')"},
        {"sessions that end after 30 minutes of silence, with the share of errors",
         R"(printf '%s\n' '{"t":60,"user":"u1","status":200}' '{"t":900,"user":"u1","status":500}' | swatermark --time t | )"
         R"(swindow --session 30m --key user --agg 'n=count(), bad=count() where status >= 500, share=bad/n')"}}};

std::vector<std::string> split_fields(std::string_view text) {
  std::vector<std::string> fields;
  while (true) {
    const size_t comma = text.find(',');
    std::string_view field = text.substr(0, comma);
    while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
    while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
    fields.emplace_back(field);
    if (comma == std::string_view::npos) return fields;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

void declare(cli::Cli& cli, Options& o) {
  window::WindowSettings& w = o.window;
  cli.group("Windows");
  cli.text("--tumbling", "SIZE", o.tumbling,
           "windows of this size, one after the other: a duration, or 1day, 1week (from Monday), 1month, 1year of the "
           "calendar of --tz");
  cli.text(
      "--tz", "ZONE", o.tz,
      "the time zone of --tumbling windows of hours, days, weeks, months, as Europe/Berlin; UTC by default. A day has "
      "23, 24 or 25 hours; an hour that the clock repeats is one window");
  cli.duration("--sliding", o.sliding, "windows of this size that overlap; needs --every");
  cli.duration(
      "--cumulate", o.cumulate,
      "windows that begin this often and grow: written every step of --every with what there was since they began");
  cli.duration("--every", o.every,
               "how often a sliding window begins; when it is longer than the window, records may fall between two. Of "
               "--cumulate the step, which must divide it");
  cli.duration("--session", o.session, "windows that last until a key has been silent for this long");
  cli.integer(
      "--count", "N", o.count,
      "windows of N records of a key in the order they arrive, whatever their times; the last is written at the "
      "end of the input, full or not");
  cli.flag(
      "--global", o.global,
      "one window for all time: its results are written at the end of the input and, with --early, every so often");
  cli.duration("--offset", w.offset,
               "shift the starts of tumbling, sliding and cumulating windows; may be negative, as -8h");
  cli.group("Results");
  cli.text("--key", "FIELD,...", o.keys,
           "group by these fields, nested ones as a.b; without it all records are one group");
  cli.text("--agg", "LIST", w.aggregates,
           "the results, as 'n=count(), bad=count() where status >= 500, share=bad/n'; see streamutils-expr(7)");
  cli.require("--agg");
  cli.text("--where", "EXPR", w.where,
           "use only records for which EXPR is true; the others do not count as late either");
  cli.text("--having", "EXPR", w.having,
           "write only results for which EXPR is true: over key fields and aggregates by their names, as 'n > 10'; one "
           "that a correction makes untrue is withdrawn");
  cli.integer("--top", "N", o.top,
              "of each window write only the N results with the largest values of --by, each with its rank from 1");
  cli.text("--by", "AGG", w.top_by, "the aggregate that --top ranks by; of equal values the smaller key comes first");
  cli.text("--fill", "JSON", w.fill,
           "write results also for --tumbling windows without records between two with records of a key, this number, "
           "null, string, true or false being each aggregate");
  cli.duration(
      "--fill-for", w.fill_for,
      "leave gaps that are longer than this, and forget a key that has been silent for longer; 1000 windows by "
      "default");
  cli.choice(
      "--time-format", {"iso", "s", "ms", "us"},
      [&w](size_t i) {
        constexpr TimeFormat kFormats[] = {TimeFormat::iso, TimeFormat::s, TimeFormat::ms, TimeFormat::us};
        w.time_format = kFormats[i];
      },
      "how window_start and window_end are written: ISO 8601 (the default), or integers since 1970 in a unit in which "
      "every bound is whole");
  cli.group("Firing");
  cli.duration(
      "--allowed-lateness", w.allowed_lateness,
      "keep a window for this long, in event time, after its end: records that still come correct its result, which is "
      "written again with the next revision");
  cli.duration("--late-fire", w.late_fire,
               "gather such corrections and write them when event time passes a multiple of this");
  cli.duration("--early", w.early,
               "every so often, by the clock, write the windows that are still open and have changed");
  cli.choice(
      "--scope", {"stream", "unit"}, [&w](size_t i) { w.scope = i == 0 ? window::Scope::stream : window::Scope::unit; },
      "stream (the default): windows over all units, fired by the minimum of their watermarks; needs one reader for "
      "all "
      "units. unit: windows per unit (Kafka partition), fired by its own watermark; right when the key is the "
      "partition key");
  cli.group("Limits");
  cli.integer("--max-keys", "N", o.max_keys,
              "hold at most this many keys at once, 50000000 by default; a record with a further key is 'invalid'");
}

namespace {

/// --tumbling: with a unit of the calendar, or with --tz and whole hours or days, by the calendar.
Status set_tumbling(const Options& o, window::WindowSettings& w) {
  using Span = window::CalendarSpan;
  w.calendar = Span::parse(*o.tumbling);
  if (!w.calendar) {
    auto size = parse_duration(*o.tumbling);
    if (!size.ok()) return size.take_status().at("--tumbling");
    w.size = w.slide = *size;
    if (!o.tz) return {};
    constexpr int64_t kHour = 3'600'000'000;
    const int64_t hours = w.size.us / kHour;
    if (w.size.us % kHour != 0 || hours < 1 || hours > 24) {
      return usage_error("--tz goes with --tumbling windows of 1h to 24h, or of days, weeks, months: '1day', '1week'");
    }
    w.calendar = hours == 24 ? Span{} : Span{.unit = Span::Unit::hour, .count = static_cast<int>(hours)};
  }
  if (o.tz) w.calendar->zone = *o.tz;
  w.size = w.slide = w.calendar->nominal();
  return {};
}

}  // namespace

Result<window::WindowSettings> settings(const Options& o) {
  window::WindowSettings w = o.window;
  if (int{o.tumbling.has_value()} + int{o.sliding.has_value()} + int{o.cumulate.has_value()} +
          int{o.session.has_value()} + int{o.count.has_value()} + int{o.global} !=
      1) {
    return usage_error(
        "give one of --tumbling D, --sliding D --every D, --cumulate D --every D, --session D, --count N, --global");
  }
  if (o.max_keys && *o.max_keys < 1) return usage_error("--max-keys must be at least 1");
  w.max_keys = o.max_keys.value_or(w.max_keys);
  if (o.sliding && !o.every) return usage_error("--sliding needs --every D: how often a window begins");
  if (o.cumulate && !o.every) return usage_error("--cumulate needs --every D: the step by which its windows grow");
  if (o.every && !o.sliding && !o.cumulate) return usage_error("--every goes with --sliding and --cumulate only");
  if (o.tz && !o.tumbling) return usage_error("--tz goes with --tumbling only");
  if (o.top && *o.top < 1) return usage_error("--top must be at least 1");
  if (!o.top && !w.top_by.empty()) return usage_error("--by goes with --top only");
  w.top = o.top.value_or(0);
  if (o.tumbling) {
    STREAM_TRY(set_tumbling(o, w));
  } else if (o.session) {
    w.kind = window::WindowKind::session;
    w.size = w.slide = *o.session;
  } else if (o.count) {
    w.kind = window::WindowKind::count;
    w.count = *o.count;
  } else if (o.global) {
    w.kind = window::WindowKind::global;
  } else if (o.cumulate) {
    w.kind = window::WindowKind::cumulate;
    w.size = *o.cumulate;
    w.slide = *o.every;
  } else {
    w.size = *o.sliding;
    w.slide = *o.every;
  }
  if (!o.keys.empty()) w.keys = split_fields(o.keys);
  STREAM_TRY(window::check(w));
  return w;
}

int run(int argc, char** argv) {
  Program program(kInfo);
  Options options;
  declare(program.cli(), options);
  program.declare_threads();
  if (const auto code = program.parse(argc, argv)) return *code;
  auto chosen = settings(options);
  if (!chosen.ok()) return program.fail(chosen.status());
  auto op = window::WindowOperator::create(*std::move(chosen), program.context());
  if (!op.ok()) return program.fail(op.status());
  return program.run(**op);
}

}  // namespace streamutils::swindow
