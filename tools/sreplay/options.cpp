// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/options.hpp"

#include <charconv>

#include "lib/kafka/source.hpp"
#include "lib/program/program.hpp"
#include "tools/sreplay/file_source.hpp"
#include "tools/sreplay/paced_source.hpp"

namespace streamutils::sreplay {

namespace {

const cli::Info kInfo{
    .name = "sreplay",
    .summary = "replay a topic range or archived files in order of event time",
    .usage =
        "[--time FIELD] [--speed SPEED] FILE...\n"
        "-b BROKERS [--from TIME] [--to TIME] [--time FIELD] [--speed SPEED] TOPIC...\n"
        "--check PIPELINE [--time FIELD] FILE...",
    .description =
        "Reads NDJSON files (plain, gzip or Zstandard), or a range of Kafka topics, and writes one stream in which the "
        "files or "
        "partitions are merged by event time. With --speed the pace of the event times is kept. It joins no consumer "
        "group and "
        "commits nothing, so a live pipeline never notices.",
    .examples = {{"replay a file as fast as possible",
                  R"(printf '%s\n' '{"t":1}' '{"t":2}' > a.ndjson; sreplay --time t a.ndjson --plain)"},
                 {"watch an hour of a topic in six minutes",
                  "sreplay -b localhost --from -1h --time event_time --speed 10x clicks"}}};

Status parse_speed(std::string_view text, double& speed) {
  if (text == "max") {
    speed = 0;
    return {};
  }
  std::string_view number = text;
  if (number.ends_with('x')) number.remove_suffix(1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), speed);
  if (error != std::errc() || end != number.data() + number.size() || !(speed > 0) || speed > 1e9) {
    return usage_error("'{}' is not a speed: 1x, 10x, 0.5x, or max", text);
  }
  return {};
}

void declare(cli::Cli& cli, Options& o) {
  cli.positionals("FILE|TOPIC", o.arguments, "the files, or with -b the topics", 1);
  cli.group("Order and pace");
  cli.text("--time", "FIELD", o.time_field,
           "the field that holds the event time, nested as a.b; without it files follow one another and topics are "
           "merged by Kafka "
           "timestamp");
  cli.choice(
      "--time-unit", {"auto", "s", "ms", "us", "ns", "iso"}, [&o](size_t i) { o.time_unit = static_cast<TimeUnit>(i); },
      "the unit of numbers; auto by default");
  cli.custom(
      "--speed", "SPEED", [&o](std::string_view text) { return parse_speed(text, o.speed); },
      "1x for the pace of the event times, 10x for ten times that, max (the default) as fast as possible");
  cli.group("Check");
  cli.text("--check", "PIPELINE", o.check.pipeline,
           "write nothing, but run PIPELINE over the replay four times, at different speeds and batchings, in text and "
           "in binary, and compare what it writes: the same bytes each time is exit code 0, else the first lines that "
           "differ are shown");
  cli.duration("--check-pauses", o.check.pauses,
               "how long the slow run of --check pauses in all; 2s by default. With --speed it keeps that pace, too");
  cli.duration("--check-timeout", o.check.timeout,
               "how long the pipeline of --check may neither read nor write before it is given up; 60s by default");
  cli.integer("--check-seed", "N", o.check.seed, "for other random pieces in --check; 1 by default");
  cli.group("Kafka");
  cli.text("--from", "TIME", o.from, "start at this Kafka time: ISO 8601, epoch ms, or -1h; the beginning by default");
  cli.text("--to", "TIME", o.to, "end before this Kafka time; the log ends at the start of the replay by default");
  declare_kafka_options(cli, o.kafka);
}

Result<std::unique_ptr<Source>> kafka_source(const Options& o, RecordTime* time, Context& context) {
  STREAM_ASSIGN(KafkaConfig config, KafkaConfig::create(o.kafka, KafkaConfig::Role::consumer));
  KafkaSourceSettings settings;
  settings.topics = o.arguments;
  settings.range.until_end = true;
  settings.range.start = KafkaPosition{KafkaPosition::Kind::beginning, 0};
  settings.merge = true;
  const WallTime now = context.clock.wall();
  if (o.from) {
    auto from = parse_kafka_time(*o.from, now);
    if (!from.ok()) return from.take_status().at("--from");
    settings.range.start = KafkaPosition{KafkaPosition::Kind::time, *from};
  }
  if (o.to) {
    auto to = parse_kafka_time(*o.to, now);
    if (!to.ok()) return to.take_status().at("--to");
    settings.range.until_ms = *to;
  }
  if (time) settings.merge_time = [time](std::string_view record) { return time->of(record); };
  STREAM_ASSIGN(auto source, KafkaSource::create(std::move(config), std::move(settings), context));
  return std::unique_ptr<Source>(std::move(source));
}

Result<std::unique_ptr<Source>> file_source(const Options& o, RecordTime* time, Context& context) {
  if (o.from || o.to)
    return usage_error("--from and --to take a range of a topic: give -b BROKERS, or leave them out for files");
  STREAM_ASSIGN(auto source, FileSource::create(o.arguments, time, context));
  return std::unique_ptr<Source>(std::move(source));
}

Result<std::unique_ptr<Source>> make_source(const Options& o, bool kafka, RecordTime* time, bool paced,
                                            Context& context) {
  if (o.speed > 0 && !time && !kafka)
    return usage_error("--speed needs --time FIELD: files have no times of their own");
  STREAM_ASSIGN(auto source, kafka ? kafka_source(o, time, context) : file_source(o, time, context));
  if (o.speed == 0 || !paced) return source;
  TimeOf time_of = [time](const Batch& batch, size_t i) -> std::optional<int64_t> {
    if (time) return time->of(batch.record(i));
    return batch.kafka_times.empty() ? std::nullopt : std::optional(batch.kafka_times[i]);
  };
  return std::unique_ptr<Source>(
      std::make_unique<PacedSource>(std::move(source), o.speed, std::move(time_of), context.clock));
}

}  // namespace

int run(int argc, char** argv) {
  Program program(kInfo, Role::other);
  Options options;
  declare(program.cli(), options);
  if (const auto code = program.parse(argc, argv)) return *code;
  std::unique_ptr<RecordTime> time;
  if (options.time_field) {
    auto created = RecordTime::create(*options.time_field, options.time_unit);
    if (!created.ok()) return program.fail(created.status());
    time = *std::move(created);
  }
  const bool kafka = program.cli().given("--brokers") || !options.kafka.file.empty();
  const auto make = [&](bool paced) { return make_source(options, kafka, time.get(), paced, program.context()); };
  if (options.check.pipeline) return check(program, options.check, make, options.speed > 0);
  for (const char* option : {"--check-pauses", "--check-timeout", "--check-seed"}) {
    if (program.cli().given(option)) return program.fail(usage_error("{} needs --check PIPELINE", option));
  }
  auto source = make(true);
  if (!source.ok()) return program.fail(source.status());
  Operator forward;
  return program.run(**source, forward);
}

}  // namespace streamutils::sreplay
