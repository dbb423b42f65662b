// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/check_pipeline.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "lib/process/programs.hpp"

namespace streamutils::sreplay {

namespace {
constexpr size_t kReadBytes = 256 << 10;
constexpr Duration kForEver{-1};
}  // namespace

Result<std::unique_ptr<CheckedPipeline>> CheckedPipeline::start(const std::vector<ShellCommand>& commands,
                                                                const Settings& settings, CheckOutput& output,
                                                                const StopFlag& stop, Clock& clock) {
  std::unique_ptr<CheckedPipeline> pipeline(new CheckedPipeline(commands, settings, output, stop, clock));
  STREAM_TRY(pipeline->spawn_all());
  return pipeline;
}

CheckedPipeline::~CheckedPipeline() {
  for (Child& child : children_) child.send(SIGKILL);
  for (Child& child : children_) child.wait();
}

Status CheckedPipeline::spawn_all() {
  STREAM_ASSIGN(Pipe first, make_pipe(kPipeBytes));
  in_ = std::move(first.write);
  STREAM_TRY(set_nonblocking(in_.get()));
  Fd reads = std::move(first.read);
  for (size_t i = 0; i < commands_.size(); ++i) {
    const std::vector<std::string>& words = commands_[i].words;
    const bool last = i + 1 == commands_.size();
    const bool binary =
        settings_.binary && !last && speaks_binary(words.front()) && speaks_binary(commands_[i + 1].words.front());
    STREAM_ASSIGN(Pipe next, make_pipe(kPipeBytes));
    SpawnRequest request{.words = words};
    STREAM_ASSIGN(request.file, find_command(words.front()));
    request.stdin_fd = reads.get();
    request.stdout_fd = next.write.get();
    request.stderr_fd = settings_.stderr_fd;
    // A checkpoint would make the second run go on where the first one ended.
    request.environment = {{"STREAM_FORMAT", binary ? "binary" : "text"}, {"STREAM_CHECKPOINT", std::nullopt}};
    request.die_with_parent = true;
    STREAM_ASSIGN(Child child, spawn(request));
    children_.push_back(child);
    reads = std::move(next.read);
  }
  out_ = std::move(reads);
  return set_nonblocking(out_.get());
}

Status CheckedPipeline::stuck() const {
  return failed("the pipeline has neither read nor written for {}{} (--check-timeout gives it more time)",
                format_duration(settings_.patience), in_.is_open() ? "" : ", although its input has ended");
}

Result<bool> CheckedPipeline::wait(bool writes, Duration limit) {
  pollfd fds[3] = {{writes ? in_.get() : -1, POLLOUT, 0}, {out_.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
  const int timeout_ms = limit.us < 0 ? -1 : static_cast<int>(std::min<int64_t>((limit.us + 999) / 1000, 1 << 30));
  if (::poll(fds, 3, timeout_ms) < 0 && errno != EINTR) return errno_status(errno, "wait for", "the pipeline");
  if (stop_.requested()) return failed("ended by a signal: nothing is known of the pipeline");
  if (fds[1].revents) STREAM_TRY(read_output());
  if (output_.differs()) return Status(Code::broken_pipe, "the output differs");
  return fds[0].revents != 0;
}

Status CheckedPipeline::read_output() {
  char bytes[kReadBytes];
  const ssize_t n = read(out_.get(), bytes, sizeof bytes);
  if (n > 0) return output_.take({bytes, static_cast<size_t>(n)});
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (n < 0) return errno_status(errno, "read from", "the pipeline");
  out_.reset();
  return {};
}

Status CheckedPipeline::write(std::string_view bytes) {
  MonoTime moved = clock_.mono();
  uint64_t taken = output_.bytes_taken();
  while (!bytes.empty()) {
    if (!in_.is_open()) return Status(Code::broken_pipe, "the pipeline reads no more");
    const ssize_t n = ::write(in_.get(), bytes.data(), bytes.size());
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    if (n < 0 && errno == EPIPE) {
      in_.reset();
      continue;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) return errno_status(errno, "write to", "the pipeline");
    STREAM_ASSIGN(const bool ready, wait(true, n > 0 ? Duration{0} : settings_.patience));
    const bool progress = n > 0 || ready || output_.bytes_taken() != taken;
    taken = output_.bytes_taken();
    if (progress) {
      moved = clock_.mono();
    } else if (clock_.mono() - moved >= settings_.patience) {
      return stuck();
    }
  }
  return {};
}

Status CheckedPipeline::pause(Duration duration) {
  const MonoTime end = clock_.mono() + duration;
  for (;;) {
    const Duration left = end - clock_.mono();
    if (left.us <= 0) return {};
    STREAM_ASSIGN([[maybe_unused]] const bool ready, wait(false, left));
  }
}

Status CheckedPipeline::finish() {
  in_.reset();
  MonoTime moved = clock_.mono();
  uint64_t taken = output_.bytes_taken();
  while (out_.is_open()) {
    const Duration left{settings_.patience.us - (clock_.mono() - moved).us};
    if (left.us <= 0) return stuck();
    STREAM_ASSIGN([[maybe_unused]] const bool ready, wait(false, left));
    if (output_.bytes_taken() == taken) continue;
    taken = output_.bytes_taken();
    moved = clock_.mono();
  }
  for (size_t i = 0; i < children_.size(); ++i) {
    const auto end = children_[i].wait_for(settings_.patience);
    if (!end) {
      return failed("stage {}, '{}', has closed its output but does not end for {}", i + 1, commands_[i].words.front(),
                    format_duration(settings_.patience));
    }
    ends_.push_back(*end);
  }
  return output_.finish();
}

/// The leftmost: what comes after it was left with a cut input. What comes before it, with a reader that has gone.
std::optional<CheckedPipeline::Failure> CheckedPipeline::failure() const {
  for (size_t i = 0; i < ends_.size(); ++i) {
    const bool last = i + 1 == ends_.size();
    if (ends_[i].ok() || (ends_[i].is_broken_pipe() && !last)) continue;
    return Failure{fmt::format("its stage {}, '{}', {}", i + 1, commands_[i].words.front(), ends_[i].text()),
                   ends_[i].shell_code()};
  }
  return std::nullopt;
}

}  // namespace streamutils::sreplay
