// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-kafka/options.hpp"

#include <cerrno>
#include <cstdio>

#include "lib/program/program.hpp"
#include "tools/ssink-kafka/sink.hpp"

namespace streamutils::ssink_kafka {
namespace {

const cli::Info kInfo{
    .name = "ssink-kafka",
    .summary = "write records to a Kafka topic",
    .usage = "-t TOPIC [OPTION]...",
    .description =
        "Reads NDJSON or a stream from standard input and writes each record of the main stream as one message, its "
        "bytes as they "
        "are. It exits 0 only after Kafka has acknowledged every record. Without a checkpoint, records are written at "
        "least once: retries do not double them, a restart may. With --checkpoint they are written exactly once, in "
        "transactions: for whoever reads committed records only.",
    .examples = {
        {"write three records, keyed by user",
         R"(printf '{"user":"%s"}\n' ann bob ann | ssink-kafka -b localhost -t clicks --key user)"},
        {"keep late records in a topic of their own",
         "skafka-cat -b localhost -e clicks | swatermark --time event_time | swindow --tumbling 1m --agg 'n=count()' | "
         "sdivert --exec late='ssink-kafka -b localhost -t clicks-late'"}}};

void declare(cli::Cli& cli, Options& o) {
  cli.group("What is written");
  cli.text("-t,--topic", "TOPIC", o.producer.topic, "the topic, which must exist");
  cli.require("--topic");
  cli.text("--key", "FIELD", o.key,
           "the message key: this field's value, nested as a.b; a string without its quotes and escapes, anything else "
           "as compact JSON, "
           "numbers in one form. No key where the field is missing or null. Without --key no record is parsed");
  cli.choice(
      "--partitioner", {"murmur2", "crc32"},
      [&o](size_t i) { o.producer.partitioner = i == 0 ? "murmur2_random" : "consistent_random"; },
      "how a key finds its partition: murmur2 (the default) as Java clients do, crc32 as librdkafka and kcat do; "
      "records without "
      "a key go to any");
  cli.choice(
      "-z,--compression", {"none", "gzip", "snappy", "lz4", "zstd"},
      [&o](size_t i) {
        constexpr const char* codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
        o.producer.codec = codecs[i];
      },
      "compress batches; none by default");
  cli.group("Exactly once");
  cli.text(
      "--cursor-topic", "NAME", o.cursor_topic,
      "the compacted topic that remembers, with --checkpoint, how far this sink has come; made when it is not there. "
      "Default: one of its own, streamutils-cursors.PIPELINE.MEMBER");
  cli.group("Connection");
  declare_kafka_options(cli, o.kafka);
}

}  // namespace

int run(int argc, char** argv) {
  Program program(kInfo, Role::sink);
  Options options;
  declare(program.cli(), options);
  if (const auto code = program.parse(argc, argv)) return *code;
  Result<KafkaConfig> config = KafkaConfig::create(options.kafka, KafkaConfig::Role::producer);
  if (!config.ok()) return program.fail(config.status());
  if (config->dump_requested()) {
    const Result<std::string> dump = config->dump();
    if (!dump.ok()) return program.fail(dump.status());
    const bool written = std::fwrite(dump->data(), 1, dump->size(), stdout) == dump->size() && std::fflush(stdout) == 0;
    return written ? 0 : program.fail(errno_status(errno, "write to", "standard output"));
  }
  options.producer.abandoned = [&program] { return program.neighbour_died(); };
  auto sink = Sink::create(*std::move(config), std::move(options), program.context());
  if (!sink.ok()) return program.fail(sink.status());
  return program.run_sink(**sink);
}

}  // namespace streamutils::ssink_kafka
