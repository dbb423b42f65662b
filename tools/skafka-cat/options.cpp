// SPDX-License-Identifier: Apache-2.0
#include "tools/skafka-cat/options.hpp"

#include <charconv>

namespace streamutils::skafka_cat {
namespace {

Status add_partitions(std::vector<int32_t>& partitions, std::string_view text) {
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    int32_t id = -1;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), id);
    if (error != std::errc() || end != part.data() + part.size() || id < 0) {
      return usage_error("'{}' is no partition: give numbers from 0, as in '0,2'", part);
    }
    for (const int32_t other : partitions) {
      if (other == id) return usage_error("partition {} is named twice", id);
    }
    partitions.push_back(id);
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

void declare(cli::Cli& cli, Options& o, const Clock& clock) {
  cli.positionals("TOPIC", o.source.topics, "topics to read; with -L, those to list (none: all)", 0);

  cli.group("What to read");
  cli.text(
      "-G,--group", "GROUP", o.source.group,
      "join a consumer group, which shares the partitions among its members; begins where the group has "
      "committed, else at -o. With a checkpoint: read all partitions, and commit what it has decided under this name");
  cli.custom(
      "-p,--partitions", "N,...", [&o](std::string_view text) { return add_partitions(o.source.partitions, text); },
      "read only these partitions of every topic; without -G and -p all are read");
  cli.custom(
      "-o,--offset", "OFFSET",
      [&o, &clock](std::string_view text) { return add_kafka_offset(o.offsets, text, clock.wall()); },
      "where to begin: beginning, end, stored (the group's), N, -N (the last N of each partition), s@TIME; e@TIME: "
      "where to end; "
      "may be given once for each. Default: end when following, beginning with -e or --to");
  cli.text("--from", "TIME", o.from,
           "read a fixed range: from the first record at or behind TIME, by Kafka timestamps, to the end of the log as "
           "it is now, or to "
           "--to. TIME: ISO 8601, milliseconds since the epoch, or -1h");
  cli.text("--to", "TIME", o.to, "read a fixed range: to the first record at or behind TIME, without it");
  cli.integer("-c,--count", "N", o.source.count, "end after N records");
  cli.flag("-e,--exit", o.end, "end where the log ends now, instead of following it");
  cli.choice(
      "--order", {"arrival", "time"}, [&o](size_t i) { o.source.merge = i == 1; },
      "time: merge the partitions of a bounded read by Kafka timestamp, ties by topic, partition, offset, so that a "
      "second "
      "read gives the same; arrival (the default): as they come");

  cli.group("How it ends");
  cli.flag("--drain", o.source.drain,
           "SIGTERM and SIGINT end the stream so that open windows fire; without it they stay open");
  cli.flag("--keep-open", o.source.keep_open,
           "the end of a bounded read does not fire open windows: a later run goes on");
  cli.duration(
      "--commit-interval", o.source.commit_interval,
      "commit the group's position this often and at the end. What is committed was written to standard output, no "
      "more: a crash of this program reads up to this interval again, a crash of a later one loses what it had "
      "not finished. Without it nothing is ever committed");

  cli.group("What is written");
  cli.flag("-J,--json", o.source.envelope,
           "wrap each record: {\"topic\", \"partition\", \"offset\", \"timestamp\" (ms), \"key\", \"headers\", "
           "\"value\"}; a value that is no JSON "
           "becomes a string, a tombstone null");
  cli.flag("-L,--list", o.list, "list brokers, topics and partitions (with -J as JSON), and exit");

  cli.group("Connection");
  declare_kafka_options(cli, o.kafka);
}

Result<KafkaRange> range_of(const Options& o, bool checkpoint, WallTime now) {
  KafkaRange range = o.offsets;
  range.until_end = o.end || o.from.has_value();
  if (!checkpoint && !o.source.group.empty() && (o.from || o.to)) {
    return usage_error(
        "--from and --to read a fixed range, which a group would share out: leave out -G, or use -o s@TIME");
  }
  if (o.from) {
    if (range.start) return usage_error("--from and -o both say where to begin: give one");
    STREAM_ASSIGN(const int64_t ms, parse_kafka_time(*o.from, now));
    range.start = KafkaPosition{KafkaPosition::Kind::time, ms};
  }
  if (o.to) {
    if (range.until_ms) return usage_error("--to and -o e@TIME both say where to end: give one");
    STREAM_ASSIGN(const int64_t ms, parse_kafka_time(*o.to, now));
    range.until_ms = ms;
  }
  if (range.until_ms && range.start && range.start->kind == KafkaPosition::Kind::time &&
      *range.until_ms < range.start->value) {
    return usage_error("the range ends before it begins: swap the two times");
  }
  range.fixed = o.from || range.until_ms;
  return range;
}

}  // namespace streamutils::skafka_cat
