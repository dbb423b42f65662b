// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/supervisor.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "lib/process/programs.hpp"

namespace streamutils::srun {

namespace {

constexpr Duration kGrace{2'000'000};
// With a checkpoint nothing is saved by waiting longer: what is not in a decided epoch is redone by the next start, and
// what is in one is applied by it, whether a stage ends by itself or is killed. So the others get only as long as it
// takes to notice the failure and to say why they leave, and the next start need not wait for a full pipe, a slow store
// or a snapshot that nobody will use.
constexpr Duration kCheckpointGrace{200'000};
constexpr Duration kSecond{1'000'000};

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody is there to be told
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

Supervisor::Supervisor(const Pipeline& pipeline, World& world)
    : pipeline_(pipeline), world_(world), next_second_(world.clock.mono() + kSecond) {}

Result<Outcome> Supervisor::run() {
  if (Status status = start(); !status.ok()) {
    send_all(SIGKILL);
    for (Running& stage : running_) stage.child.wait();
    return status;
  }
  if (on_started_) on_started_();
  while (!all_ended()) {
    wait_for_something();
    take_signals();
    reap();
    enforce_deadlines();
  }
  finish_stderr();
  for (size_t i = 0; i < running_.size(); ++i) outcome_.ends.push_back(end_of(i));
  return std::move(outcome_);
}

Status Supervisor::start() {
  Fd input;  // empty: our own stdin
  for (size_t i = 0; i < pipeline_.stages.size(); ++i) {
    Pipe between;
    if (i + 1 < pipeline_.stages.size()) {
      STREAM_ASSIGN(between, make_pipe(kPipeBytes));
    }
    STREAM_ASSIGN(Running stage, start_stage(i, input.get(), between.write.get()));
    running_.push_back(std::move(stage));
    input = std::move(between.read);
  }
  return {};
}

Result<Supervisor::Running> Supervisor::start_stage(size_t index, int stdin_fd, int stdout_fd) {
  const Stage& stage = pipeline_.stages[index];
  STREAM_ASSIGN(Pipe error, make_pipe());
  STREAM_TRY(set_nonblocking(error.read.get()));
  auto environment = environment_of(pipeline_, index);
  struct stat info {};
  const bool lend = may_lend(pipeline_, index) && fstat(stdout_fd, &info) == 0;
  environment.emplace_back("STREAM_LEND", lend ? std::optional(std::to_string(info.st_ino)) : std::nullopt);
  auto child = spawn({.file = stage.file,
                      .words = stage.words,
                      .stdin_fd = stdin_fd,
                      .stdout_fd = stdout_fd,
                      .stderr_fd = error.write.get(),
                      .environment = std::move(environment),
                      .die_with_parent = true,
                      // Ctrl-C is for the source; the others read to the end.
                      .ignore_interrupt = index > 0 && !is_ours(stage.words.front())});
  if (!child.ok()) return child.take_status().at(stage.place);
  const std::string program(base_name(stage.words.front()));
  Running out(*std::move(child), std::move(error.read), StageStderr(index + 1, program));
  out.up = &world_.metrics.gauge("stream_stage_up", "1 while the stage runs.",
                                 {{"stage", std::to_string(index + 1)}, {"program", program}});
  out.up->set(1);
  world_.log.debug("stage {} is process {}", index + 1, out.child.pid());
  return out;
}

bool Supervisor::all_ended() const {
  return std::all_of(running_.begin(), running_.end(), [](const Running& stage) { return stage.ended; });
}

int Supervisor::timeout_ms() const {
  std::optional<MonoTime> next;
  const auto consider = [&next](std::optional<MonoTime> time) {
    if (time && (!next || *time < *next)) next = time;
  };
  consider(term_at_);
  consider(kill_at_);
  if (world_.every_second) consider(next_second_);
  if (!next) return -1;
  return static_cast<int>(std::clamp<int64_t>((*next - world_.clock.mono()).us / 1000 + 1, 0, 60'000));
}

void Supervisor::wait_for_something() {
  std::vector<pollfd> fds{{world_.signals.fd(), POLLIN, 0}};
  for (const Running& stage : running_) fds.push_back({stage.error.get(), POLLIN, 0});
  if (::poll(fds.data(), fds.size(), timeout_ms()) < 0) return;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (fds[i + 1].revents) read_stderr(running_[i]);
  }
  if (world_.every_second && world_.clock.mono() >= next_second_) {
    world_.every_second();
    next_second_ = world_.clock.mono() + kSecond;
  }
}

void Supervisor::read_stderr(Running& stage) {
  // A bound on each turn, so that one chatty stage does not keep the others waiting.
  constexpr int kReads = 16;
  char bytes[16 << 10];
  std::string out;
  for (int i = 0; i < kReads && stage.error.is_open(); ++i) {
    const ssize_t n = read(stage.error.get(), bytes, sizeof bytes);
    if (n > 0) {
      stage.text.take({bytes, static_cast<size_t>(n)}, out);
    } else if (n == 0) {
      stage.text.finish(out);
      stage.error.reset();
    } else {
      break;
    }
  }
  write_stderr(out);
}

void Supervisor::take_signals() {
  while (const auto signal = world_.signals.next()) {
    if (signal->number == SIGTERM || signal->number == SIGINT) stop(*signal);
    if (signal->number == SIGUSR1) ask_for_status();
  }
}

/// Our programs say on SIGUSR1 how they are doing; it would kill others.
void Supervisor::ask_for_status() {
  for (size_t i = 0; i < running_.size(); ++i) {
    if (is_ours(pipeline_.stages[i].words.front()) && !running_[i].ended) running_[i].child.send(SIGUSR1);
  }
}

void Supervisor::stop(const Signal& signal) {
  if (outcome_.stopped) {
    outcome_.killed_by = signal.number;
    send_all(SIGKILL);
    return;
  }
  outcome_.stopped = true;
  // A source that is not ours just dies, which looks like the end of the stream: what reads it must have ended the
  // stream before, without `fire`.
  if (const auto ours = stream_start(); ours && *ours > 0 && !signal.from_terminal && !running_[*ours].ended) {
    running_[*ours].sent = SIGTERM;
    running_[*ours].child.send(SIGTERM);
  }
  Running& source = running_.front();
  if (source.ended) return;
  // A second signal would kill the source: the terminal has sent the first one to it, too.
  source.sent = signal.from_terminal ? signal.number : SIGTERM;
  if (!signal.from_terminal) source.child.send(SIGTERM);
}

std::optional<size_t> Supervisor::stream_start() const {
  for (size_t i = 0; i < pipeline_.stages.size(); ++i) {
    if (is_ours(pipeline_.stages[i].words.front())) return i;
  }
  return std::nullopt;
}

void Supervisor::reap() {
  ++round_;
  for (size_t i = 0; i < running_.size(); ++i) {
    Running& stage = running_[i];
    if (stage.ended || !stage.child.poll()) continue;
    read_stderr(stage);
    stage.ended = true;
    stage.round = round_;
    stage.up->set(0);
    stage_ended(i);
  }
}

/// REQUIRES: it has ended.
StageEnd Supervisor::end_of(size_t index) {
  Running& stage = running_[index];
  const ExitStatus status = *stage.child.poll();
  // At a stop the reader of what is not ours leaves first.
  const bool left_alone = outcome_.stopped && status.is_broken_pipe() && index < stream_start().value_or(0);
  return {status, left_alone || (stage.sent != 0 && status.signal == stage.sent), stage.round};
}

void Supervisor::stage_ended(size_t index) {
  const StageEnd end = end_of(index);
  if (end.status.ok() || end.by_us || end.status.is_broken_pipe()) {
    world_.log.debug("{} {}", title(index), end.status.text());
    return;
  }
  world_.log.error("{} {}", title(index), end.status.text());
  if (term_at_ || kill_at_) return;
  if (pipeline_.checkpoint) {
    kill_at_ = world_.clock.mono() + kCheckpointGrace;
  } else {
    term_at_ = world_.clock.mono() + kGrace;
  }
}

void Supervisor::enforce_deadlines() {
  const MonoTime now = world_.clock.mono();
  if (term_at_ && now >= *term_at_) {
    term_at_.reset();
    kill_at_ = now + pipeline_.stage_timeout;
    send_all(SIGTERM);
  }
  if (kill_at_ && now >= *kill_at_) {
    kill_at_.reset();
    for (size_t i = 0; i < running_.size() && !pipeline_.checkpoint; ++i) {
      if (running_[i].ended) continue;
      world_.log.warn("{} has not ended within {}: killed", title(i), format_duration(pipeline_.stage_timeout));
    }
    send_all(SIGKILL);
  }
}

void Supervisor::send_all(int signal) {
  for (Running& stage : running_) {
    if (stage.ended || stage.child.poll()) continue;
    stage.sent = signal;
    stage.child.send(signal);
  }
}

void Supervisor::finish_stderr() {
  // A process that a stage has left behind may hold its stderr open: what is there is taken, and no more waited for.
  for (Running& stage : running_) {
    read_stderr(stage);
    std::string out;
    stage.text.finish(out);
    write_stderr(out);
  }
}

std::string Supervisor::title(size_t index) const {
  return fmt::format("stage {} '{}'", index + 1, base_name(pipeline_.stages[index].words.front()));
}

}  // namespace streamutils::srun
