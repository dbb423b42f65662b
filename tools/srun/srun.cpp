// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/srun.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "lib/cli/cli.hpp"
#include "lib/cli/log.hpp"
#include "lib/process/programs.hpp"
#include "lib/process/shell_words.hpp"
#include "lib/program/metrics_file.hpp"
#include "lib/program/program.hpp"
#include "tools/srun/backoff.hpp"
#include "tools/srun/progress.hpp"
#include "tools/srun/stage_options.hpp"
#include "tools/srun/supervisor.hpp"

namespace streamutils::srun {

namespace {

const cli::Info kInfo{
    .name = "srun",
    .summary = "run a pipeline from a file, and watch over it",
    .usage = "[OPTION]... FILE\n[OPTION]... 'COMMAND | COMMAND...'",
    .description =
        "Starts the stages of a pipeline joined by pipes and waits for them. When one fails, the others are ended; "
        "SIGTERM stops "
        "the first and lets the rest drain. FILE holds KEY = VALUE lines: name, stage (one for each, in order), "
        "restart "
        "(never, on-failure), checkpoint, binary (true, false), fuse (true, false), threads, stage_timeout, env. "
        "Commands are split as a shell "
        "splits them; "
        "nothing is "
        "expanded.",
    .examples = {
        {"a pipeline in one argument",
         R"x(srun "printf '{\"t\":%d}\n' 1700000001 1700000012 | swatermark --time t | swindow --tumbling 10s --agg 'n=count()'")x"},
        {"a pipeline file, checked first",
         R"(printf 'stage = %s\n' 'seq 3' 'tail -n 1' > last.conf && srun --check last.conf && srun last.conf)"}}};

struct Options {
  std::vector<std::string> pipeline;
  bool check = false;
  bool fuse = false;
  size_t threads = 0;  // not given
  StageOptions stages;
  std::optional<std::string> checkpoint;
  std::string metrics_file;
  int verbose = 0;
};

void declare(cli::Cli& cli, Options& o) {
  cli.positionals("FILE|PIPELINE", o.pipeline, "a pipeline file, or the pipeline itself", 1, 1);
  cli.group("Options");
  cli.flag("--check", o.check,
           "validate everything and run nothing: the file, that the commands exist, what our programs say of their "
           "options, and "
           "the order of the stages");
  cli.flag("--fuse", o.fuse,
           "run neighbouring programs of ours in one process, as sfuse does (also 'fuse' in FILE): less work, and one "
           "name for all of them in messages of this program");
  cli.custom(
      "--threads", "N",
      [&o](std::string_view text) -> Status {
        STREAM_ASSIGN(o.threads, parse_threads(text));
        return {};
      },
      "with --fuse: find fields in records on so many threads (also 'threads' in FILE)");
  cli.group("Checkpoints");
  cli.text("--checkpoint", "DIR", o.checkpoint,
           "keep checkpoints in DIR (also 'checkpoint' in FILE, or STREAM_CHECKPOINT): for every stage, and a pipeline "
           "that fails is started again and goes on where it was");
  cli.flag("--fresh", o.stages.fresh, "forget the checkpoints and start over; later restarts go on from this start");
  cli.integer(
      "--from-epoch", "N", o.stages.from_epoch,
      "start from checkpoint N (sstate ls shows them) instead of the newest; later restarts go on from this start");
  cli.group("Stream options");
  cli.flag("--plain", o.stages.plain, "give --plain to the last stage");
  cli.flag("--binary", o.stages.binary,
           "give --binary to the last stage; between our programs 'binary' in FILE decides");
  cli.choice(
      "--eof", {"fail", "end"}, [&o](size_t i) { o.stages.eof = i == 1 ? "end" : "fail"; },
      "give --eof to every stage that is one of our programs");
  cli.flag("--strict", o.stages.strict, "give --strict to every stage that is one of our programs");
  cli.group("General options");
  cli.text("--metrics-file", "FILE", o.metrics_file,
           "keep FILE up to date with uptime, restarts and running stages as Prometheus text, once a second and at "
           "the end");
  cli.flag("-v,--verbose", o.verbose, "say more on stderr: the stages, and how each ended");
}

bool asked_to_check() {
  const char* check = std::getenv("STREAM_CHECK");
  return check && std::string_view(check) == "1";
}

int report(Log& log, const Status& status) {
  if (!status.ok() && status.code() != Code::broken_pipe) log.error("{}", status.message());
  return status.exit_code();
}

int check(const Pipeline& pipeline, const std::vector<Status>& disorder, Log& log) {
  int code = 0;
  for (const Status& status : check_programs(pipeline)) code = report(log, status);
  for (const Status& status : disorder) code = report(log, status);
  return code;
}

/// Our own stdin and stdout belong to the stages: as long as we hold them, the writer and the reader outside do not
/// see the stages end.
void let_go_of_stdio() {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  close(nothing);
}

class Runner {
 public:
  /// `first`: the pipeline with what is for the first start alone.
  Runner(const Pipeline& pipeline, const Pipeline& first, World world, std::optional<MetricsFile> metrics_file)
      : pipeline_(pipeline),
        first_(first),
        world_(std::move(world)),
        metrics_file_(std::move(metrics_file)),
        began_(world_.clock.mono()),
        uptime_(world_.metrics.gauge("stream_uptime_seconds", "Since srun was started.")),
        restarts_(world_.metrics.counter("stream_restarts_total", "How often the pipeline was started again.")),
        backoff_(pipeline.checkpoint.has_value()) {
    if (metrics_file_) world_.every_second = [this] { write_metrics(); };
  }

  int run() {
    if (metrics_file_) {  // later failures do not stop the pipeline
      if (Status status = metrics_file_->write(world_.metrics); !status.ok()) return report(world_.log, status);
    }
    const int code = run_until_done();
    if (metrics_file_) write_metrics();
    return code;
  }

 private:
  int run_until_done() {
    for (uint64_t restart = 1;; ++restart) {
      auto manifest = newest();
      if (!manifest.ok()) return report(world_.log, manifest.status());
      if (restart == 1) at_first_ = *manifest;
      const MonoTime start = world_.clock.mono();
      Supervisor supervisor(next_start(*manifest), world_);
      if (!pipeline_.restarts()) supervisor.on_started(let_go_of_stdio);
      auto outcome = supervisor.run();
      std::string why;
      int code = 0;
      if (outcome.ok()) {
        if (outcome->killed_by != 0) return 128 + outcome->killed_by;
        code = exit_code(outcome->ends);
        if (outcome->stopped || !pipeline_.restarts() || !may_restart(outcome->ends)) return code;
        why = failure(outcome->ends);
      } else {  // a stage could not be started
        code = outcome.status().exit_code();
        if (!pipeline_.restarts() || outcome.status().code() != Code::failed)
          return report(world_.log, outcome.status());
        why = outcome.status().message();
      }
      const Duration delay = backoff_.next(world_.clock.mono() - start, made_progress(*manifest));
      world_.log.warn("the pipeline '{}' failed: {}; starting again {} (restart {})", pipeline_.name, why,
                      delay.us == 0 ? "at once" : "in " + format_duration(delay), restart);
      if (world_.signals.wait_for_stop(delay)) return code;
      restarts_.add();
    }
  }

  /// With --fresh or --from-epoch as long as no start has taken it up, which it does by publishing a manifest: a start
  /// that failed before that has changed nothing.
  [[nodiscard]] const Pipeline& next_start(std::optional<uint64_t> manifest) const {
    return manifest == at_first_ ? first_ : pipeline_;
  }

  /// Looked for only where there may be a second start.
  [[nodiscard]] Result<std::optional<uint64_t>> newest() const {
    if (!pipeline_.checkpoint || !pipeline_.restarts()) return std::optional<uint64_t>();
    return newest_manifest(*pipeline_.checkpoint);
  }

  [[nodiscard]] bool made_progress(std::optional<uint64_t> before) const {
    const auto after = newest();
    return after.ok() && *after && *after != before && is_epoch(*pipeline_.checkpoint, **after);
  }

  [[nodiscard]] std::string failure(const std::vector<StageEnd>& ends) const {
    const auto first = first_failure(ends);
    if (!first) return fmt::format("it ended with {}", exit_code(ends));
    return fmt::format("stage {} '{}' {}", *first + 1, base_name(pipeline_.stages[*first].words.front()),
                       ends[*first].status.text());
  }

  /// A metrics file that cannot be written is no reason to stop the pipeline; said once.
  void write_metrics() {
    uptime_.set(static_cast<double>((world_.clock.mono() - began_).us) / 1e6);
    const Status status = metrics_file_->write(world_.metrics);
    if (!status.ok() && !said_) world_.log.warn("{}", status.message());
    said_ = !status.ok();
  }

  const Pipeline& pipeline_;
  const Pipeline& first_;
  std::optional<uint64_t> at_first_;  // the newest manifest before the first start
  World world_;
  const std::optional<MetricsFile> metrics_file_;
  const MonoTime began_;
  Metric& uptime_;
  Metric& restarts_;
  Backoff backoff_;
  bool said_ = false;
};

Status settle_fusion(const Options& options, Pipeline& pipeline) {
  pipeline.fuse |= options.fuse;
  if (options.threads > 0) pipeline.threads = options.threads;
  if (pipeline.fuse || pipeline.threads == 1) return {};
  return usage_error(
      "--threads, or 'threads' in a pipeline file, needs --fuse, or 'fuse = true'; without it, give --threads to "
      "sfilter, "
      "swatermark or swindow");
}

}  // namespace

int run(int argc, char** argv) {
  SystemClock clock;
  cli::StderrLog log("srun", 0, clock);
  cli::Cli cli(kInfo);
  Options options;
  declare(cli, options);
  const auto outcome = cli.parse(argc, argv);
  if (outcome.exit) return report(log, outcome.status);
  log.set_verbose(options.verbose);
  auto pipeline = load_pipeline(options.pipeline.front());
  if (!pipeline.ok()) return report(log, pipeline.status());
  if (Status status = hand_on(options.stages, *pipeline); !status.ok()) return report(log, status);
  if (Status status = find_checkpoint(*pipeline, options.checkpoint); !status.ok()) return report(log, status);
  if (Status status = settle_fusion(options, *pipeline); !status.ok()) return report(log, status);
  const auto first_words = first_start_words(options.stages, *pipeline);
  if (!first_words.ok()) return report(log, first_words.status());
  Pipeline first = *pipeline;
  first.stages.back().words.insert(first.stages.back().words.end(), first_words->begin(), first_words->end());
  const std::vector<Status> disorder = check_order(first);
  for (Pipeline* each : {&*pipeline, &first}) {
    if (pipeline->fuse) fuse(*each);
    if (Status status = find_commands(*each); !status.ok()) return report(log, status);
  }
  for (size_t i = 0; i < pipeline->stages.size(); ++i) {
    const auto format = format_of(*pipeline, i);
    log.debug("stage {}{}: {}", i + 1, format ? fmt::format(" ({})", *format) : "",
              join_words(pipeline->stages[i].words));
  }
  std::optional<MetricsFile> metrics_file;
  if (!options.metrics_file.empty()) {
    auto file = MetricsFile::create(options.metrics_file);
    if (!file.ok()) return report(log, file.status());
    metrics_file = *std::move(file);
  }
  if (options.check || asked_to_check()) return check(first, disorder, log);
  for (Pipeline* each : {&*pipeline, &first}) share_fields(*each);
  auto signals = Signals::create();
  if (!signals.ok()) return report(log, signals.status());
  Metrics metrics;
  return Runner(*pipeline, first, {clock, log, metrics, *signals, {}}, std::move(metrics_file)).run();
}

}  // namespace streamutils::srun
