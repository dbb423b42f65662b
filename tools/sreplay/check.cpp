// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/check.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "lib/process/programs.hpp"
#include "lib/program/fusion.hpp"
#include "lib/stream/writer.hpp"
#include "tools/sreplay/check_feed.hpp"

namespace streamutils::sreplay {

namespace {

constexpr size_t kShown = 1000;  // bytes of a line
constexpr size_t kBeforeDifference = 200;
constexpr uint64_t kDefaultSeed = 1;

Status check_usage(const cli::Cli& cli, const CheckOptions& options) {
  if (Fusion::current()) return usage_error("--check writes no stream: run sreplay by itself");
  for (const char* option : {"--plain", "--binary", "--metrics-file"}) {
    if (cli.given(option)) return usage_error("{} says nothing to --check, which tries the encodings itself", option);
  }
  if (options.pauses.us < 0) return usage_error("--check-pauses must not be negative");
  if (options.pauses > Duration{86'400'000'000}) return usage_error("--check-pauses must not be more than 1d");
  if (options.timeout.us <= 0) return usage_error("--check-timeout has to be more than nothing");
  if (options.timeout > Duration{86'400'000'000}) return usage_error("--check-timeout must not be more than 1d");
  if (options.seed && *options.seed < 0) return usage_error("--check-seed must not be negative");
  return {};
}

Result<std::vector<ShellCommand>> commands_of(const std::string& text) {
  auto commands = split_pipeline(text);
  if (!commands.ok()) return commands.take_status().at("--check");
  for (const ShellCommand& command : *commands) {
    const std::string& program = command.words.front();
    const ProgramRole role = role_of(program);
    if (role == ProgramRole::source) {
      return usage_error("--check: leave out '{}': the pipeline reads the replay from its standard input", program);
    }
    if (role == ProgramRole::sink) {
      return usage_error("--check: leave out '{}': what the pipeline writes to its standard output is compared",
                         program);
    }
    if (auto file = find_command(program); !file.ok()) return file.take_status().at("--check");
  }
  return commands;
}

/// At most kShown bytes of the line, around the byte that differs.
std::string shown(const std::optional<std::string>& line, uint64_t column) {
  if (!line) return "(nothing: the output ends before)";
  if (line->size() <= kShown) return *line;
  const size_t from = column <= kShown / 2 ? 0 : std::min<size_t>(line->size(), column - kBeforeDifference);
  std::string text = (from > 0 ? "..." : "") + line->substr(from, kShown);
  if (from + kShown < line->size()) text += "...";
  return text;
}

class Check {
 public:
  Check(Program& program, const CheckOptions& options, std::vector<ShellCommand> commands, const MakeSource& make,
        bool paced)
      : program_(program), context_(program.context()), options_(options), commands_(std::move(commands)), make_(make) {
    manners_ = {
        {.name = "text, as fast as possible"},
        {.name = "binary, as fast as possible", .binary = true},
        {.name = paced ? "text, one record at a time, at the given speed" : "text, one record at a time, with pauses",
         .paced = paced,
         .at_once = 1,
         .pauses = options.pauses},
        {.name = "binary, a few records at a time", .binary = true, .at_once = 64},
    };
  }

  int run() {
    auto reference = Reference::create();
    if (!reference.ok()) return program_.fail(reference.status());
    reference_ = *std::move(reference);
    for (size_t i = 0; i < manners_.size(); ++i) {
      if (const std::optional<int> code = run(i)) return *code;
    }
    return program_.fail(say_same());
  }

 private:
  [[nodiscard]] std::string name(size_t run) const { return fmt::format("run {} ({})", run + 1, manners_[run].name); }

  /// Nothing when there is nothing to complain of.
  std::optional<int> run(size_t number) {
    CheckOutput output(*reference_, number == 0);
    // Only the first run speaks for all to hear; what others say is kept for the case that they fail.
    const Fd said(number == 0 ? -1 : memfd_create("stderr", MFD_CLOEXEC));
    const auto outcome = run(number, output, said);
    const bool bad = !outcome.status.ok() || outcome.failure;
    if (bad) repeat(said);
    if (!outcome.status.ok()) {
      context_.log.error("{}: {}", name(number), outcome.status.message());
      return outcome.status.exit_code();
    }
    if (outcome.failure) {
      context_.log.error("{}: the pipeline failed: {}", name(number), outcome.failure->what);
      return outcome.failure->code;
    }
    if (number == 0) {
      first_ = {output.results(), output.result_bytes(), output.result_hash(), output.sides()};
      context_.log.debug("{}: {} results", name(number), output.results());
      return std::nullopt;
    }
    if (output.difference()) return say_difference(number, *output.difference());
    context_.log.debug("{}: the same", name(number));
    return std::nullopt;
  }

  struct Outcome {
    Status status;
    std::optional<CheckedPipeline::Failure> failure;
  };

  Outcome run(size_t number, CheckOutput& output, const Fd& said) {
    const Manner& manner = manners_[number];
    auto source = make_(manner.paced);
    if (!source.ok()) return {source.take_status(), {}};
    const StopFlag& stop = program_.stop();
    auto pipeline =
        CheckedPipeline::start(commands_, {manner.binary, said.get(), options_.timeout}, output, stop, context_.clock);
    if (!pipeline.ok()) return {pipeline.take_status(), {}};
    const bool binary = manner.binary && speaks_binary(commands_.front().words.front());
    const uint64_t seed = static_cast<uint64_t>(options_.seed.value_or(kDefaultSeed)) + number;
    CheckFeed feed(**pipeline, manner, binary, fed_, seed, context_.units);
    Operator forward;
    const LoopStage stage{forward, context_, "sreplay", "", program_.common().strict};
    LoopEnd end = run_loop(**source, {&stage, 1}, feed, Waiter(stop, -1), {});
    const bool all_read = end.status.ok();
    if (output.differs()) return {};
    if (!all_read && end.status.code() != Code::broken_pipe) return {std::move(end.status), {}};
    if (stop.requested()) return {failed("ended by a signal: nothing is known of the pipeline"), {}};
    if (Status status = (*pipeline)->finish(); !status.ok() && !output.differs()) return {std::move(status), {}};
    if (output.differs() && !output.difference()->whole) return {};
    if (auto failure = (*pipeline)->failure()) return {Status(), std::move(failure)};
    return {same_input(number, feed, all_read), {}};
  }

  /// A run whose pipeline did not read to the end says nothing of it.
  Status same_input(size_t number, const CheckFeed& feed, bool all_read) {
    if (number == 0) fed_ = feed.records();
    if (!all_read) return {};
    if (!hash_) {
      fed_ = feed.records();
      hash_ = feed.hash();
      return {};
    }
    if (feed.records() == fed_ && feed.hash() == *hash_) return {};
    return failed(
        "the replay itself has changed, from {} records to {}: the input is being written to (--to TIME ends the "
        "range of a topic before that)",
        fed_, feed.records());
  }

  int say_difference(size_t number, const CheckOutput::Difference& difference) {
    context_.log.error("the output differs in line {} at byte {}; these are the lines of", difference.line,
                       difference.column);
    context_.log.error("{}: {}", name(0), shown(difference.was, difference.column));
    context_.log.error("{}: {}", name(number), shown(difference.is, difference.column));
    return 1;
  }

  Status say_same() {
    std::string line = fmt::format("the same in {} runs: {} results, {} bytes, SHA-256 {}", manners_.size(),
                                   first_.results, first_.bytes, first_.hash);
    if (!first_.sides.empty()) line += fmt::format("; side records: {}", first_.sides.text());
    BatchBuilder lines;
    lines.append(line);
    StreamWriter writer(STDOUT_FILENO, "standard output", Encoding::plain, context_.units);
    STREAM_TRY(writer.records(lines.batch()));
    return writer.flush();
  }

  static void repeat(const Fd& said) {
    char bytes[16 << 10];
    if (!said.is_open() || lseek(said.get(), 0, SEEK_SET) != 0) return;
    for (ssize_t n = 0; (n = read(said.get(), bytes, sizeof bytes)) > 0;) {
      [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, bytes, static_cast<size_t>(n));
    }
  }

  struct First {
    uint64_t results = 0, bytes = 0;
    std::string hash;
    SideCounts sides;
  };

  Program& program_;
  Context& context_;
  const CheckOptions& options_;
  const std::vector<ShellCommand> commands_;
  const MakeSource& make_;
  std::vector<Manner> manners_;
  std::unique_ptr<Reference> reference_;
  uint64_t fed_ = 0;              // records, of the first run that read them all, or of the first one
  std::optional<uint64_t> hash_;  // of the first run that read them all
  First first_;
};

}  // namespace

int check(Program& program, const CheckOptions& options, const MakeSource& make_source, bool paced) {
  if (Status status = check_usage(program.cli(), options); !status.ok()) return program.fail(status);
  auto commands = commands_of(*options.pipeline);
  if (!commands.ok()) return program.fail(commands.status());
  if (program.check_only()) return 0;
  return Check(program, options, *std::move(commands), make_source, paced).run();
}

}  // namespace streamutils::sreplay
