// SPDX-License-Identifier: Apache-2.0
#include "lib/program/program.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "lib/checkpoint/file_system.hpp"
#include "lib/checkpoint/sink_member.hpp"
#include "lib/checkpoint/stage_member.hpp"
#include "lib/cli/log.hpp"
#include "lib/program/environment.hpp"
#include "lib/program/fusion.hpp"
#include "lib/program/metrics_file.hpp"
#include "lib/program/posix.hpp"
#include "lib/program/status_line.hpp"
#include "lib/stream/loop.hpp"
#include "lib/stream/read_ahead.hpp"
#include "lib/stream/reader.hpp"
#include "lib/stream/writer.hpp"

namespace streamutils {

namespace {

/// Waits in the middle of things, as long as those before and behind us live.
class NeighbourPatience final : public checkpoint::Patience {
 public:
  NeighbourPatience(StreamReader*& reader, Waiter*& waiter, const Fusion* fusion)
      : reader_(reader), waiter_(waiter), fusion_(fusion) {}
  Status pause(Duration duration) override {
    const Status reader_gone(Code::broken_pipe, "the reader of the output is gone");
    if (!waiter_) return {};
    if (waiter_->wait(-1, duration, false) == Waiter::Event::reader_gone) return reader_gone.clone();
    if (reader_ && reader_->writer_died()) {
      return failed("the program before this one died: the next start goes on from the checkpoint");
    }
    if (!fusion_) return {};
    for (const auto& look : fusion_->while_waiting) STREAM_TRY(look());
    return {};
  }
  /// With branches of an earlier program in this process: their deaths are looked for above.
  [[nodiscard]] bool input_closed() const override {
    return reader_ && (!fusion_ || fusion_->while_waiting.empty()) && reader_->closed();
  }

 private:
  StreamReader*& reader_;
  Waiter*& waiter_;
  const Fusion* fusion_;
};

}  // namespace

Result<size_t> parse_threads(std::string_view text) {
  constexpr size_t kMost = 64;
  size_t threads = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (error != std::errc() || end != text.data() + text.size() || threads < 1 || threads > kMost) {
    return usage_error("'{}' is no number from 1 to {}", text, kMost);
  }
  return threads;
}

struct Program::Impl {
  Impl(cli::Info info, Role role_of_program)
      : name(info.name), role(role_of_program), log(name, 0, clock), cli(std::move(info)) {}

  Fusion* const fusion = Fusion::current();  // null: by itself
  std::string name;
  Role role;
  SystemClock clock;
  cli::StderrLog log;
  cli::Cli cli;
  CommonOptions common;
  bool has_threads = false;
  std::optional<MetricsFile> metrics_file;
  Metrics metrics;
  // What programs that run as one share:
  Units own_units;
  Units& units = fusion ? fusion->units : own_units;
  StopFlag own_stop;
  StopFlag& stop = fusion ? fusion->stop : own_stop;
  StreamReader* own_reader = nullptr;
  StreamReader*& reader = fusion ? fusion->reader : own_reader;  // while run() reads stdin
  Waiter* own_waiter = nullptr;
  Waiter*& waiter = fusion ? fusion->waiter : own_waiter;  // while run() runs
  SharedFields own_fields;
  Workers own_workers;
  size_t read_ahead_bytes = ReadAhead::kSmallBytes;
  Context context{
      clock, log, metrics, units, fusion ? &fusion->fields : nullptr, fusion ? &fusion->workers : &own_workers};
  NeighbourPatience patience{reader, waiter, fusion};
  checkpoint::StartSettings start;  // of a sink
  std::optional<int64_t> from_epoch;
  Duration checkpoint_interval = checkpoint::kDefaultInterval;
  std::unique_ptr<checkpoint::FileSystem> files;
  std::unique_ptr<checkpoint::ObjectStore> store;
  std::optional<checkpoint::SourceMember> source_member;

  /// STREAM_FIELDS: the fields that this program and those behind it want, one a line.
  Status ask_for_fields();
  /// STREAM_CHECK=fields: the fields that this program wants, one a line on standard output.
  Status say_fields() const;
  void declare_checkpoint();
  Status open_store();

  /// This program's part. Runs it, and what is fused with it, when it is the last one; otherwise lets the next one do
  /// so. `source`: none when the part reads what comes before it, or stdin.
  int run(Program& program, Source* source, Operator& op, Terminal& terminal, int output_fd);
  int run_loop_of(std::span<const LoopStage> stages, Source& source, Terminal& terminal, int output_fd);
  int run_stdin(Program& program, Operator& op, Terminal& terminal, int output_fd);
  int run_to_nothing(Program& program, Operator& op);
  void say_left_out(const SideCounts& counts) {
    if (!counts.empty()) log.info("side records not written: {} (sdivert keeps them)", counts.text());
  }
  [[nodiscard]] Encoding encoding() const {
    if (common.plain) return Encoding::plain;
    return common.binary ? Encoding::binary : default_encoding(STDOUT_FILENO);
  }
};

Program::Program(cli::Info info, Role role) {
  claim_standard_files();
  impl_ = std::make_unique<Impl>(std::move(info), role);
}
Program::~Program() = default;

cli::Cli& Program::cli() { return impl_->cli; }
Context& Program::context() { return impl_->context; }
const CommonOptions& Program::common() const { return impl_->common; }
const StopFlag& Program::stop() const { return impl_->stop; }

void Program::Impl::declare_checkpoint() {
  if (role == Role::other) return;
  cli.group("Checkpoint options");
  cli.text(
      "--checkpoint", "DIR", common.checkpoint,
      "survive crashes exactly once: keep the state of the pipeline in this directory and go on from there; the same "
      "for every program of a pipeline (also STREAM_CHECKPOINT)");
  if (role == Role::source) {
    cli.duration("--checkpoint-interval", checkpoint_interval, "how often the state is saved; 10s by default");
  }
  if (role == Role::sink) {
    cli.flag("--fresh", start.fresh, "on the last program: forget what the checkpoint holds and begin anew");
    cli.integer(
        "--from-epoch", "N", from_epoch,
        "on the last program: go back to the kept epoch N (sstate ls shows them); what later epochs wrote to the "
        "sinks' stores stays, and comes again");
  }
}

Status Program::Impl::ask_for_fields() {
  const bool told = environment::says_fields();
  if (!fusion && (told || !environment::fields().empty())) context.shared_fields = &own_fields;
  if (told || !context.shared_fields || !context.shared_fields->asked.empty()) return {};
  return environment::ask_for_fields(*context.shared_fields);
}

Status Program::Impl::say_fields() const {
  std::string text;
  for (size_t slot = 0; slot < context.shared_fields->set.size(); ++slot) {
    text += context.shared_fields->set.text(slot) + '\n';
  }
  const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? Status() : failed("the fields cannot be said");
}

Status Program::Impl::open_store() {
  if (role == Role::other) return {};
  if (common.checkpoint.empty()) common.checkpoint = environment::checkpoint();
  if (from_epoch) {
    if (*from_epoch < 1) return usage_error("--from-epoch: epochs are numbered from 1");
    start.from_epoch = static_cast<uint64_t>(*from_epoch);
  }
  if (common.checkpoint.empty()) {
    if (start.fresh || start.from_epoch) return usage_error("--fresh and --from-epoch need --checkpoint");
    return {};
  }
  if (checkpoint_interval.us <= 0) return usage_error("--checkpoint-interval has to be more than nothing");
  if (environment::checks_only()) return {};
  files = checkpoint::posix_file_system();
  STREAM_ASSIGN(store, checkpoint::open_directory_store(common.checkpoint, *files));
  return {};
}

std::optional<int> Program::parse(int argc, char** argv) {
  cli::Cli& cli = impl_->cli;
  CommonOptions& common = impl_->common;
  cli.group("Stream options");
  cli.flag("--plain", common.plain, "write main records only, one a line, whatever stdout is");
  cli.flag("--binary", common.binary,
           "write the binary encoding, which carries what was parsed to the next program (also STREAM_FORMAT=binary)");
  cli.choice(
      "--eof", {"fail", "end"}, [&](size_t i) { common.eof_is_end = i == 1; },
      "what a stream that is cut off means: fail (the default) fires nothing and exits 1, end takes the cut for the "
      "end");
  cli.flag("--strict", common.strict, "exit 3 at the first invalid record");
  if (impl_->has_threads) {
    cli.custom(
        "--threads", "N",
        [&common](std::string_view text) -> Status {
          STREAM_ASSIGN(common.threads, parse_threads(text));
          return {};
        },
        "find fields in records on so many threads, 1 by default; what is written is the same");
  }
  impl_->declare_checkpoint();
  cli.group("General options");
  cli.text("--metrics-file", "FILE", common.metrics_file,
           "keep FILE up to date with counters as Prometheus text, once a second and at the end");
  cli.flag("-v,--verbose", common.verbose, "say more on stderr");
  const cli::Cli::Outcome outcome = cli.parse(argc, argv);
  if (outcome.exit) return fail(outcome.status);
  if (common.plain && common.binary) return fail(usage_error("--plain and --binary exclude each other"));
  if (impl_->fusion) {
    impl_->fusion->threads = std::max(impl_->fusion->threads, common.threads);
  } else if (common.threads > 1) {
    impl_->context.shared_fields = &impl_->own_fields;
  }
  if (!common.plain) {
    const auto binary = environment::binary();
    if (!binary.ok()) return fail(binary.status());
    common.binary |= *binary;
  }
  const auto small = environment::read_ahead_bytes();
  if (!small.ok()) return fail(small.status());
  impl_->read_ahead_bytes = *small;
  if (Status status = impl_->ask_for_fields(); !status.ok()) return fail(status);
  const bool writes_stdout = !impl_->fusion || impl_->fusion->at_last();
  if (common.binary && writes_stdout && isatty(STDOUT_FILENO) && !environment::checks_only()) {
    return fail(usage_error(
        "refusing to write the binary encoding to a terminal (pipe it into another program, or leave out --binary)"));
  }
  impl_->log.set_verbose(common.verbose);
  if (!common.metrics_file.empty()) {
    auto file = MetricsFile::create(common.metrics_file);
    if (!file.ok()) return fail(file.status());
    impl_->metrics_file = *std::move(file);
  }
  if (Status status = impl_->open_store(); !status.ok()) return fail(status);
  install_signal_handlers(impl_->stop);
  widen_pipes();
  return std::nullopt;
}

void Program::declare_threads() { impl_->has_threads = true; }

bool Program::check_only() const { return environment::checks_only(); }

int Program::fail(const Status& status) {
  if (!status.ok() && status.code() != Code::broken_pipe) impl_->log.error("{}", status.message());
  return status.exit_code();
}

int Program::run(Operator& op) {
  StreamWriter writer(STDOUT_FILENO, "standard output", impl_->encoding(), impl_->units, impl_->context.shared_fields);
  if (environment::lends_to(STDOUT_FILENO)) writer.lend_pages();
  std::optional<checkpoint::StageMember> member;
  if (impl_->store) member.emplace(op, impl_->name, *impl_->store, impl_->patience, impl_->context);
  const int code = impl_->run_stdin(*this, member ? static_cast<Operator&>(*member) : op, writer, STDOUT_FILENO);
  impl_->say_left_out(writer.left_out());
  return code;
}

int Program::run_sink(Operator& op) {
  if (impl_->store) return fail(usage_error("{} cannot be exactly once: leave out the checkpoint", impl_->name));
  return impl_->run_to_nothing(*this, op);
}

int Program::run_sink(checkpoint::TransactionalSink& sink) {
  if (!impl_->store) return impl_->run_to_nothing(*this, sink);
  checkpoint::SinkMember member(sink, {.program = impl_->name, .start = impl_->start}, *impl_->store, impl_->patience,
                                impl_->context);
  return impl_->run_to_nothing(*this, member);
}

checkpoint::SourceMember* Program::source_member() {
  if (!impl_->store) return nullptr;
  if (!impl_->source_member) {
    impl_->source_member.emplace(*impl_->store, impl_->checkpoint_interval, impl_->patience, impl_->context);
  }
  return &*impl_->source_member;
}

int Program::Impl::run_to_nothing(Program& program, Operator& op) {
  SinkTerminal terminal;
  const int code = run_stdin(program, op, terminal, -1);
  if (!terminal.left_out().empty()) {
    log.warn("side records that nobody took: {} (put sdivert before this program to keep them)",
             terminal.left_out().text());
  }
  return code;
}

int Program::run(Source& source, Operator& op) {
  StreamWriter writer(STDOUT_FILENO, "standard output", impl_->encoding(), impl_->units, impl_->context.shared_fields);
  if (environment::lends_to(STDOUT_FILENO)) writer.lend_pages();
  const int code = impl_->run(*this, &source, op, writer, STDOUT_FILENO);
  impl_->say_left_out(writer.left_out());
  return code;
}

void Program::while_others_wait(std::function<Status()> look) {
  if (impl_->fusion) impl_->fusion->while_waiting.push_back(std::move(look));
}

bool Program::neighbour_died() const {
  if (impl_->reader && impl_->reader->writer_died()) return true;
  return impl_->waiter && impl_->waiter->wait(-1, Duration{0}, false) == Waiter::Event::reader_gone;
}

int Program::Impl::run_stdin(Program& program, Operator& op, Terminal& terminal, int output_fd) {
  return run(program, nullptr, op, terminal, output_fd);
}

int Program::Impl::run(Program& program, Source* source, Operator& op, Terminal& terminal, int output_fd) {
  LoopStage stage{op, context, name, store ? store->place() : "", common.strict};
  std::optional<MetricsThread> metrics_thread;
  const bool checks = environment::checks_only();
  if (metrics_file && !checks) metrics_thread.emplace(*metrics_file, metrics, log);
  int code = 0;
  if (fusion && source) fusion->source = source;
  if (fusion && !fusion->at_last()) {
    code = fusion->call_next(std::move(stage));
  } else if (!checks) {
    std::vector<LoopStage> stages;
    if (fusion) stages = std::move(fusion->parts());
    stages.push_back(std::move(stage));
    if (fusion && fusion->source) source = fusion->source;
    std::optional<StreamReader> stdin_reader;
    if (!source) {
      stdin_reader.emplace(
          STDIN_FILENO, "standard input", units,
          DecodeSettings{
              .max_record_bytes = 1 << 20, .fields = context.shared_fields, .eof_is_end = common.eof_is_end});
      reader = &*stdin_reader;
      source = reader;
    }
    std::optional<ReadAhead> read_ahead;
    const size_t threads = fusion ? fusion->threads : common.threads;
    if (threads > 1 && context.shared_fields->read) {
      read_ahead.emplace(*source, *context.shared_fields, *context.workers, threads, read_ahead_bytes);
      source = &*read_ahead;
    }
    code = run_loop_of(stages, *source, terminal, output_fd);
    reader = nullptr;
  } else if (environment::says_fields() && context.shared_fields) {
    if (Status said = say_fields(); !said.ok()) code = program.fail(said);
  }
  if (metrics_thread) {
    Status last = metrics_thread->finish();
    if (!last.ok() && code == 0) code = program.fail(last);
  }
  return code;
}

int Program::Impl::run_loop_of(std::span<const LoopStage> stages, Source& source, Terminal& terminal, int output_fd) {
  Waiter loop_waiter(stop, output_fd);
  waiter = &loop_waiter;
  LoopSettings settings;
  StatusLine line(name, metrics, clock);
  // Of a pipeline in a terminal only the last program shows its line, and only where no records are shown.
  const bool show_line = isatty(STDERR_FILENO) && default_encoding(STDOUT_FILENO) == Encoding::plain &&
                         (output_fd < 0 || !isatty(output_fd));
  if (show_line) settings.every_second = [&] { line.show(); };
  settings.report_requested = &report_requested;
  settings.report = [&] { log.info("{}", line.text()); };
  log.set_line_start(show_line ? StatusLine::kErase : "");
  LoopEnd end = run_loop(source, stages, terminal, loop_waiter, settings);
  waiter = nullptr;
  if (show_line) line.erase();
  if (end.status.ok() && output_fd >= 0 && close(output_fd) != 0 && errno != EBADF) {
    end = {errno_status(errno, "write to", "standard output"), stages.size() - 1};
  }
  if (!end.status.ok() && end.status.code() != Code::broken_pipe) {
    stages[end.stage].context.log.error("{}", end.status.message());
  }
  return end.status.exit_code();
}

}  // namespace streamutils
