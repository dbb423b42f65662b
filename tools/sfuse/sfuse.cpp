// SPDX-License-Identifier: Apache-2.0
#include "tools/sfuse/sfuse.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/cli/cli.hpp"
#include "lib/cli/log.hpp"
#include "lib/process/programs.hpp"
#include "lib/process/shell_words.hpp"
#include "lib/program/fusion.hpp"
#include "lib/program/posix.hpp"
#include "lib/program/program.hpp"
#include "tools/sdivert/options.hpp"
#include "tools/sfilter/options.hpp"
#include "tools/skafka-cat/options.hpp"
#include "tools/sreplay/options.hpp"
#include "tools/ssink-file/options.hpp"
#include "tools/ssink-kafka/options.hpp"
#include "tools/ssink-redis/options.hpp"
#include "tools/swatermark/options.hpp"
#include "tools/swindow/options.hpp"

namespace streamutils::sfuse {

namespace {

const cli::Info kInfo{
    .name = "sfuse",
    .summary = "run neighbouring programs of a pipeline in one process",
    .usage = "'COMMAND | COMMAND...'",
    .description =
        "Runs the programs as one, each with its own options, without the pipes between them: a record is parsed where "
        "it is needed and never written and read again. What comes out, the messages and the exit codes are those of "
        "the pipeline. The first command reads standard input unless it is a source, the last one writes standard "
        "output unless it is a sink. 'srun --fuse' does this to a whole pipeline.",
    .examples = {
        {"count per key in one process",
         R"x(printf '%s\n' '{"t":1,"k":"a"}' '{"t":2,"k":"b"}' '{"t":3,"k":"a"}' | )x"
         R"x(sfuse "swatermark --time t | swindow --tumbling 10s --key k --agg 'n=count()'")x"},
        {"a part of a pipeline in one process, with others around it",
         R"x(printf '%s\n' '{"t":1,"v":3}' '{"t":2}' | sfuse "sfilter --require v:number | swatermark --time t" | )x"
         R"x(sdivert --to invalid=bad.ndjson | swindow --tumbling 10s --agg 's=sum(v)')x"}}};

struct Known {
  std::string_view name;
  Fusion::Main main;
};

constexpr std::array kPrograms = std::to_array<Known>({
    {"skafka-cat", skafka_cat::run},
    {"sreplay", sreplay::run},
    {"sfilter", sfilter::run},
    {"swatermark", swatermark::run},
    {"swindow", swindow::run},
    {"sdivert", sdivert::run},
    {"ssink-redis", ssink_redis::run},
    {"ssink-kafka", ssink_kafka::run},
    {"ssink-file", ssink_file::run},
});

Result<std::vector<Fusion::Stage>> stages_of(std::string_view text) {
  STREAM_ASSIGN(auto commands, split_pipeline(text));
  std::vector<Fusion::Stage> stages;
  for (size_t i = 0; i < commands.size(); ++i) {
    std::vector<std::string>& words = commands[i].words;
    const std::string name(base_name(words.front()));
    const auto known = std::find_if(kPrograms.begin(), kPrograms.end(), [&](const Known& k) { return k.name == name; });
    if (known == kPrograms.end()) {
      std::vector<std::string_view> names;
      for (const Known& k : kPrograms) names.push_back(k.name);
      return usage_error("'{}' cannot be run in one process with others; these can: {}", words.front(),
                         fmt::join(names, ", "));
    }
    const ProgramRole role = role_of(name);
    if (role == ProgramRole::source && i > 0) {
      return usage_error("{} reads no stream: it must be the first", name);
    }
    if (role == ProgramRole::sink && i + 1 < commands.size()) {
      return usage_error("{} writes no stream: it must be the last (sdivert --copy feeds several sinks)", name);
    }
    stages.push_back({std::move(words), known->main});
  }
  return stages;
}

/// Options that every program has, given for the whole.
struct HandedOn {
  bool plain = false, binary = false, strict = false;
  std::string metrics_file, checkpoint;
  std::optional<std::string> eof;
  size_t threads = 1;
  int verbose = 0;
};

void declare(cli::Cli& cli, std::vector<std::string>& pipeline, HandedOn& o) {
  cli.positionals("PIPELINE", pipeline, "the programs with their options, joined by '|'", 1, 1);
  cli.group("Stream options");
  cli.flag("--plain", o.plain, "give --plain to the last program");
  cli.flag("--binary", o.binary, "give --binary to the last program");
  cli.choice(
      "--eof", {"fail", "end"}, [&o](size_t i) { o.eof = i == 1 ? "end" : "fail"; }, "give --eof to every program");
  cli.flag("--strict", o.strict, "give --strict to every program");
  cli.custom(
      "--threads", "N",
      [&o](std::string_view text) -> Status {
        STREAM_ASSIGN(o.threads, parse_threads(text));
        return {};
      },
      "find fields in records on so many threads, 1 by default; what is written is the same");
  cli.group("Checkpoint options");
  cli.text("--checkpoint", "DIR", o.checkpoint, "give --checkpoint DIR to every program (also STREAM_CHECKPOINT)");
  cli.group("General options");
  cli.text("--metrics-file", "FILE", o.metrics_file, "give --metrics-file FILE to the last program");
  cli.flag("-v,--verbose", o.verbose, "give --verbose to every program");
}

void hand_on(const HandedOn& o, std::vector<Fusion::Stage>& stages) {
  auto& last = stages.back().words;
  if (o.plain) last.emplace_back("--plain");
  if (o.binary) last.emplace_back("--binary");
  if (!o.metrics_file.empty()) last.insert(last.end(), {"--metrics-file", o.metrics_file});
  for (Fusion::Stage& stage : stages) {
    if (o.eof) stage.words.insert(stage.words.end(), {"--eof", *o.eof});
    if (o.strict) stage.words.emplace_back("--strict");
    if (!o.checkpoint.empty()) stage.words.insert(stage.words.end(), {"--checkpoint", o.checkpoint});
    for (int i = 0; i < o.verbose; ++i) stage.words.emplace_back("-v");
  }
}

}  // namespace

int run(int argc, char** argv) {
  claim_standard_files();
  SystemClock clock;
  cli::StderrLog log("sfuse", 0, clock);
  cli::Cli cli(kInfo);
  std::vector<std::string> pipeline;
  HandedOn options;
  declare(cli, pipeline, options);
  const auto outcome = cli.parse(argc, argv);
  const auto report = [&log](const Status& status) {
    if (!status.ok() && status.code() != Code::broken_pipe) log.error("{}", status.message());
    return status.exit_code();
  };
  if (outcome.exit) return report(outcome.status);
  auto stages = stages_of(pipeline.front());
  if (stages.ok()) hand_on(options, *stages);
  return stages.ok() ? Fusion::run(*std::move(stages), options.threads) : report(stages.status());
}

}  // namespace streamutils::sfuse
