// SPDX-License-Identifier: Apache-2.0
#include "tools/swatermark/options.hpp"

#include <unistd.h>

#include "lib/program/fusion.hpp"
#include "lib/program/program.hpp"
#include "lib/stream/writer.hpp"
#include "tools/swatermark/swatermark.hpp"

namespace streamutils::swatermark {

namespace {

const cli::Info kInfo{
    .name = "swatermark",
    .summary = "read event times and emit watermarks",
    .usage = "--time FIELD [OPTION]...",
    .description =
        "Reads NDJSON or a stream from standard input, finds the event time of each record and adds watermarks per "
        "unit (a Kafka "
        "partition, or the whole of standard input). Records without a readable time go to the side stream as "
        "'invalid'.",
    .examples = {{"the watermarks of a small input, 5 s behind the newest record",
                  R"(printf '%s\n' '{"t":1700000000}' '{"t":1700000009}' | swatermark --time t --bounded 5s | cat)"},
                 {"count per 10 s of event time",
                  R"(printf '%s\n' '{"t":1700000001}' '{"t":1700000012}' | swatermark --time t | )"
                  R"(swindow --tumbling 10s --agg 'n=count()')"}}};

void declare(cli::Cli& cli, Options& o) {
  cli.group("Event time");
  cli.text("--time", "FIELD", o.time_field,
           "the field that holds the event time, nested as a.b; a number, a string of digits, or ISO 8601");
  cli.require("--time");
  cli.choice(
      "--time-unit", {"auto", "s", "ms", "us", "ns", "iso"},
      [&o](size_t i) {
        constexpr TimeUnit units[] = {TimeUnit::automatic, TimeUnit::s,  TimeUnit::ms,
                                      TimeUnit::us,        TimeUnit::ns, TimeUnit::iso};
        o.time_unit = units[i];
      },
      "the unit of numbers; auto (the default) tells s, ms, us and ns apart by size, record by record");
  cli.group("Watermarks");
  cli.duration("--bounded", o.bounded,
               "how far behind the newest record a record may be and still be on time; 0s by default");
  cli.duration("--step", o.step,
               "advance the watermark in steps of this much event time; 100ms by default, 0s: at every rise");
  cli.duration(
      "--max-future", o.max_future,
      "take out records further than this ahead of their Kafka timestamp (without one: of the clock) as side records "
      "'early'; off by default, since it ties results to more than the records");
  cli.duration(
      "--idle-after", o.idle_after,
      "a unit that has been at the end of its log for this long without a break does not hold back the others; 5s by "
      "default");
  cli.group("Looking at it");
  cli.flag(
      "--why", o.why,
      "at the end, say on stderr which unit holds the watermark, how each unit is doing and how late records came; "
      "SIGUSR1 says so at any time, also without this");
  cli.flag("--suggest", o.suggest,
           "read the input to its end and write, instead of a stream, the --bounded that would have kept 50, 90, 99, "
           "99.9 and 100 % of its records, a line for each");
}

Status check(const Options& o) {
  if (o.bounded.us < 0) return usage_error("--bounded must not be negative");
  if (o.step.us < 0) return usage_error("--step must not be negative");
  if (o.idle_after.us < 0) return usage_error("--idle-after must not be negative");
  return {};
}

/// Reads a sample and says which bound it asks for.
int suggest(Program& program, Swatermark& op) {
  if (const Fusion* fusion = Fusion::current(); fusion && !fusion->at_last()) {
    return program.fail(usage_error("--suggest writes no stream: swatermark must be the last program"));
  }
  if (!program.common().checkpoint.empty()) {
    return program.fail(usage_error("--suggest keeps no state: leave out --checkpoint (and STREAM_CHECKPOINT)"));
  }
  if (const int code = program.run_sink(op); code != 0 || program.check_only()) return code;
  const Lateness& lateness = op.lateness();
  if (lateness.records() == 0)
    return program.fail(failed("no record with a time has come: there is nothing to suggest"));
  BatchBuilder lines;
  for (const std::string& line : lateness.suggestions()) lines.append(line);
  StreamWriter writer(STDOUT_FILENO, "standard output", Encoding::plain, program.context().units);
  Status written = writer.records(lines.batch());
  if (written.ok()) written = writer.flush();
  return program.fail(written);
}

}  // namespace

int run(int argc, char** argv) {
  Program program(kInfo);
  Options options;
  declare(program.cli(), options);
  program.declare_threads();
  if (const auto code = program.parse(argc, argv)) return *code;
  if (Status status = check(options); !status.ok()) return program.fail(status);
  auto op = Swatermark::create(options, program.context());
  if (!op.ok()) return program.fail(op.status());
  const int code = options.suggest ? suggest(program, **op) : program.run(**op);
  if (options.why && !program.check_only()) (*op)->explain();
  return code;
}

}  // namespace streamutils::swatermark
