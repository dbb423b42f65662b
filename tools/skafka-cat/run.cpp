// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>

#include "lib/kafka/listing.hpp"
#include "lib/program/program.hpp"
#include "tools/skafka-cat/options.hpp"

namespace streamutils::skafka_cat {
namespace {

const cli::Info kInfo{.name = "skafka-cat",
                      .summary = "read Kafka topics as a stream",
                      .usage = "[OPTION]... TOPIC...",
                      .description =
                          "Reads the records of Kafka topics and writes them to standard output, one JSON record a "
                          "line, as a stream: each partition "
                          "is a unit with its own order. Only committed records are read. Follows the topics until "
                          "SIGTERM or SIGINT, unless "
                          "-e, -c, --from or --to bound it.",
                      .examples = {{"every record that topic 'clicks' holds now", "skafka-cat -b localhost -e clicks"},
                                   {"count clicks per user and minute, as they come",
                                    "skafka-cat -b localhost clicks | swatermark --time event_time --bounded 10s | "
                                    "swindow --tumbling 1m --key user_id --agg 'n=count()'"}}};

Status print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  if (errno == EPIPE) return Status(Code::broken_pipe, "the reader of the output is gone");
  return errno_status(errno, "write to", "standard output");
}

Status print_listing(const KafkaConfig& config, const Options& options, Context& context) {
  STREAM_ASSIGN(const std::string text,
                list_kafka(config, options.source.topics, options.source.envelope, context.log));
  return print(text);
}

Result<std::unique_ptr<KafkaSource>> make_source(KafkaConfig config, Options& options, Program& program) {
  Context& context = program.context();
  const bool checkpoint = !program.common().checkpoint.empty();
  checkpoint::SourceMember* const member = program.source_member();  // null also when options are only checked
  STREAM_ASSIGN(options.source.range, range_of(options, checkpoint, context.clock.wall()));
  if (!checkpoint) return KafkaSource::create(std::move(config), std::move(options.source), context);
  options.source.resume = [member]() -> const checkpoint::ResumePoint& { return member->resume_point(); };
  options.source.passed = [member](UnitId unit, int64_t next) { member->passed(unit, next); };
  STREAM_ASSIGN(auto source, KafkaSource::create(std::move(config), std::move(options.source), context));
  if (member) member->on_decided([source = source.get()](const auto& positions) { source->commit(positions); });
  return source;
}

}  // namespace

int run(int argc, char** argv) {
  Program program(kInfo, Role::source);
  Options options;
  declare(program.cli(), options, program.context().clock);
  if (const auto code = program.parse(argc, argv)) return *code;
  Result<KafkaConfig> config = KafkaConfig::create(options.kafka, KafkaConfig::Role::consumer);
  if (!config.ok()) return program.fail(config.status());
  if (config->dump_requested()) {
    const Result<std::string> dump = config->dump();
    return program.fail(dump.ok() ? print(*dump) : dump.status().clone());
  }
  if (options.list) return program.fail(print_listing(*config, options, program.context()));
  Result<std::unique_ptr<KafkaSource>> source = make_source(*std::move(config), options, program);
  if (!source.ok()) return program.fail(source.status());
  Operator forward;
  checkpoint::SourceMember* const member = program.source_member();
  return program.run(**source, member ? static_cast<Operator&>(*member) : forward);
}

}  // namespace streamutils::skafka_cat
