// SPDX-License-Identifier: Apache-2.0
// Drives ssink-kafka's exactly-once side step by step, any number of sinks at once: see kUsage.
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "lib/base/metrics.hpp"
#include "tools/ssink-kafka/sink.hpp"

namespace {

using namespace streamutils;

constexpr const char* kUsage =
    R"(usage: kafka_sink_steps BROKERS TOPIC PIPELINE [-X KEY=VALUE | --cursor-topic NAME]... <STEPS

One step a line; SINK is any name, each is a sink of its own with the same place in the pipeline. A name MEMBER:SINK is
one of the member MEMBER; without it the member is 'sink'.
  SINK fence GENERATION reset EPOCH CHUNK           whatever the cursor is, it is set to EPOCH CHUNK
  SINK fence GENERATION EPOCH CHUNK EPOCH CHUNK     the cursor has to be between the two
  SINK apply EPOCH CHUNK EPOCH CHUNK COUNT TEXT     after, at, and COUNT messages {"TEXT":1} and so on
Each answers with a line: 'SINK ok' (fence: 'SINK ok EPOCH CHUNK') or 'SINK CODE message'.
)";

struct Discard final : Output {
  Status records(const Batch&) override { return {}; }
  Status control(const Control&) override { return {}; }
};

struct ErrLog final : Log {
  void write(Level level, std::string_view message) override {
    if (level != Level::debug) std::cerr << message << std::endl;
  }
};

struct World {
  SystemClock clock;
  ErrLog log;
  Metrics metrics;
  Units units;
  Context context{clock, log, metrics, units};
  ssink_kafka::Options options;
  std::string pipeline;
  std::map<std::string, std::unique_ptr<ssink_kafka::Sink>> sinks;
};

ssink_kafka::Sink& sink_of(World& world, const std::string& name) {
  auto& sink = world.sinks[name];
  if (sink) return *sink;
  auto config = KafkaConfig::create(world.options.kafka, KafkaConfig::Role::producer);
  if (!config.ok()) throw std::runtime_error(std::string(config.status().message()));
  auto made = ssink_kafka::Sink::create(*std::move(config), world.options, world.context);
  if (!made.ok()) throw std::runtime_error(std::string(made.status().message()));
  sink = *std::move(made);
  sink->spool_to([](std::string_view) { return Status(); });
  return *sink;
}

std::string told(const Status& status) {
  return status.ok() ? "ok" : fmt::format("{} {}", status.exit_code(), status.message());
}

std::string step(World& world, const std::string& name, std::istream& words) {
  ssink_kafka::Sink& sink = sink_of(world, name);
  std::string verb;
  words >> verb;
  if (verb == "fence") {
    const size_t colon = name.find(':');
    checkpoint::SinkIdentity identity{world.pipeline, colon == std::string::npos ? "sink" : name.substr(0, colon), 0};
    checkpoint::TransactionalSink::Expected expected;
    words >> identity.generation >> std::ws;
    if (std::isalpha(words.peek()) != 0) {
      words >> verb;
      expected.reset = true;
    } else {
      words >> expected.first.epoch >> expected.first.chunk;
    }
    words >> expected.last.epoch >> expected.last.chunk;
    if (!words) throw std::runtime_error("a fence is written wrong");
    auto cursor = sink.fence(identity, expected);
    return cursor.ok() ? fmt::format("ok {} {}", cursor->epoch, cursor->chunk) : told(cursor.status());
  }
  Cursor after;
  Cursor at;
  size_t count = 0;
  std::string text;
  words >> after.epoch >> after.chunk >> at.epoch >> at.chunk >> count >> text;
  if (verb != "apply" || !words) throw std::runtime_error("no step: '" + verb + "'");
  ssink_kafka::ChunkWriter chunk;
  for (size_t i = 1; i <= count; ++i) {
    const std::string value = fmt::format(R"({{"{}":{}}})", text, i);
    chunk.add({.value = value, .key = std::nullopt});
  }
  return told(sink.apply(after, at, chunk.bytes()));
}

void run(int argc, char** argv) {
  World world;
  world.options.kafka.brokers = argv[1];
  world.options.producer.topic = argv[2];
  world.pipeline = argv[3];
  for (int i = 4; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "-X") {
      world.options.kafka.properties.emplace_back(argv[i + 1]);
    } else {
      world.options.cursor_topic = argv[i + 1];
    }
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name.empty()) continue;
    std::cout << name << ' ' << step(world, name, words) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << kUsage;
    return 2;
  }
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "kafka_sink_steps: " << error.what() << std::endl;
    std::_Exit(2);
  }
  std::_Exit(0);  // as ssink-kafka: a close of librdkafka may leave threads behind
}
