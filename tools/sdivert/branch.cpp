// SPDX-License-Identifier: Apache-2.0
#include "tools/sdivert/branch.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/process/programs.hpp"
#include "lib/process/shell_words.hpp"

namespace streamutils::sdivert {

namespace {

constexpr size_t kFlushBytes = 256 << 10;
constexpr size_t kPendingBytes = 64 << 10;
constexpr int kLookAroundMs = 500;

Code code_of(const ExitStatus& status) {
  if (status.signal == 0 && status.code == 2) return Code::usage;
  if (status.signal == 0 && status.code == 3) return Code::bad_data;
  return Code::failed;
}

}  // namespace

Result<std::unique_ptr<Branch>> Branch::create(std::string option, std::string path_word, const std::string& command,
                                               const Options& options, const MainLine& main_line, Context& context) {
  auto split = split_command(command);
  if (!split.ok()) return split.take_status().at(fmt::format("{} '{}'", option, command));
  std::unique_ptr<Branch> branch(new Branch(std::move(option), std::move(path_word), main_line, context));
  SpawnRequest& request = branch->request_;
  request.words = std::move(split->words);
  branch->command_ = command;
  const std::string& name = request.words.front();
  if (role_of(name) == ProgramRole::source) {
    return usage_error("{}: '{}' is a source and reads no stream; give a sink or a filter", branch->option_, name);
  }
  if (!options.checkpoint.empty()) {
    STREAM_TRY(branch->check_checkpoint(options.checkpoint));
    branch->has_checkpoint_ = true;
    request.environment.emplace_back("STREAM_CHECKPOINT", options.checkpoint);
  }
  auto file = find_command(name);
  if (!file.ok()) return file.take_status().at(branch->option_);
  request.file = *std::move(file);
  request.stdout_fd = STDERR_FILENO;
  // Without us it has no end of its input to wait for. Left behind, a sink could still be writing to its store when the
  // pipeline has long been started again.
  request.die_with_parent = true;
  // What it writes goes to stderr, for people to read.
  request.environment.emplace_back("STREAM_FORMAT", is_ours(name) ? std::optional<std::string>("text") : std::nullopt);
  // Ours know that the first Ctrl-C is for the source; others are kept from it, so that they read to the end as well.
  request.ignore_interrupt = !is_ours(name);
  if (!is_ours(name)) {
    branch->encoder_ = make_plain_encoder();
  } else if (options.binary && speaks_binary(name)) {
    branch->encoder_ = make_binary_encoder(context.units);
  } else {
    branch->encoder_ = make_text_encoder(context.units);
  }
  return branch;
}

Status Branch::check_checkpoint(const std::string& checkpoint) const {
  if (!program().starts_with("ssink-")) {
    return usage_error(
        "{}: '{}' is none of the ssink-... programs: with a checkpoint every branch is one, since it has to be set "
        "back at a "
        "restart; use one, or --to, or leave out --checkpoint",
        option_, command_);
  }
  for (size_t i = 1; i < request_.words.size(); ++i) {
    const std::string_view word = request_.words[i];
    constexpr std::string_view kOption = "--checkpoint";
    const bool alone = word == kOption && i + 1 < request_.words.size();
    const bool joined = word.starts_with("--checkpoint=");
    if (!alone && !joined) continue;
    if ((alone ? request_.words[i + 1] : word.substr(kOption.size() + 1)) == checkpoint) continue;
    return usage_error("{}: '{}' has another checkpoint than sdivert; leave it out there", option_, command_);
  }
  return {};
}

std::string_view Branch::program() const { return base_name(request_.words.front()); }

Status Branch::check() const {
  if (!is_ours(request_.words.front())) return {};
  return check_program(request_).at(option_);
}

Status Branch::start() {
  STREAM_ASSIGN(Pipe pipe, make_pipe(kPipeBytes));
  STREAM_TRY(set_nonblocking(pipe.write.get()));  // so that flush() can look around while the pipe is full
  request_.stdin_fd = pipe.read.get();
  auto child = spawn(request_);
  if (!child.ok()) return child.take_status().at(option_);
  child_ = *std::move(child);
  pipe_ = std::move(pipe.write);
  return {};
}

Status Branch::open(const Open& open) {
  Open own = open;
  const std::string stage = own.stages.empty() ? "1" : own.stages.back().path;
  // The program that reads this adds itself with the next number: 3.late.1.
  own.stages.push_back({.path = fmt::format("{}.{}.0", stage, path_word_), .program = "sdivert"});
  opened_ = true;
  STREAM_TRY(control(own));
  // At once: if we were killed before the first flush, no input at all would look like a stream without records.
  return flush();
}

Status Branch::records(const Batch& batch) {
  STREAM_TRY(give_pending());
  if (!pipe_.is_open()) return {};
  encoder_->records(batch, buffer_);
  return flush_when_full();
}

Status Branch::record(UnitId unit, std::string_view bytes) {
  if (!pending_.empty() && (unit != pending_unit_ || pending_.bytes() >= kPendingBytes)) STREAM_TRY(give_pending());
  if (pending_.empty()) {
    pending_.clear(unit);
    pending_unit_ = unit;
  }
  pending_.append(bytes);
  return {};
}

Status Branch::give_pending() {
  if (pending_.empty()) return {};
  if (pipe_.is_open()) encoder_->records(pending_.batch(), buffer_);
  pending_.clear(pending_unit_);
  return flush_when_full();
}

Status Branch::control(const Control& item) {
  STREAM_TRY(give_pending());
  if (!pipe_.is_open()) return {};
  encoder_->control(item, buffer_);
  return flush_when_full();
}

Status Branch::flush_when_full() { return buffer_.size() >= kFlushBytes ? flush() : Status(); }

Status Branch::flush() {
  STREAM_TRY(give_pending());
  size_t written = 0;
  while (pipe_.is_open() && written < buffer_.size()) {
    const ssize_t n = write(pipe_.get(), buffer_.data() + written, buffer_.size() - written);
    if (n >= 0) {
      written += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      STREAM_TRY(wait_for_room());
    } else if (errno == EPIPE) {
      buffer_.clear();
      return died();
    } else if (errno != EINTR) {
      return errno_status(errno, "write to", command_);
    }
  }
  buffer_.clear();
  return {};
}

// While the stream goes on, a second read end would hide from us that the command has closed its own: there would be no
// EPIPE. So it is opened when all has been written. A pipe keeps its contents as long as any end is open.
Status Branch::finish() {
  STREAM_TRY(flush());
  if (!pipe_.is_open()) return {};
  auto unread = reopen_to_read(pipe_.get());
  close();
  if (!unread.ok()) return unread.take_status().at(option_);
  unread_ = *std::move(unread);
  return {};
}

Status Branch::cut_off() {
  if (!child_ || !pipe_.is_open()) return {};
  // Ours would take no input at all for a stream without records; with a checkpoint they know better.
  if (!opened_ && !has_checkpoint_) STREAM_TRY(open(Open{}));
  Status status = flush();
  close();
  return status;
}

Status Branch::wait_for_room() {
  if (main_line_.out) STREAM_TRY(main_line_.out->flush());
  for (;;) {
    pollfd fds[2] = {{pipe_.get(), POLLOUT, 0}, {main_line_.output_fd, 0, 0}};
    const int n = ::poll(fds, 2, kLookAroundMs);
    if (n < 0) return {};  // EINTR: the caller tries again
    if (fds[0].revents) return {};
    if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
      return Status(Code::broken_pipe, "the reader of the output is gone");
    }
    if (main_line_.give_up && context_.clock.mono() >= *main_line_.give_up) {
      return failed("{}: '{}' does not read its input", option_, command_);
    }
    if (main_line_.neighbour_died && main_line_.neighbour_died()) {
      return failed("a neighbour in the pipeline has died while '{}' of {} was not reading", command_, option_);
    }
  }
}

Status Branch::poll() {
  if (!child_ || !child_->poll() || child_->poll()->ok()) return {};
  return died();
}

Status Branch::died() {
  constexpr Duration kMoment{1'000'000};
  close();
  const auto status = child_->wait_for(kMoment);
  child_->poll();
  if (!status) return failed("{}: '{}' has closed its input before the end of the stream", option_, command_);
  Status out = failure(*status, " before the end of the stream");
  child_.reset();  // said once
  return out;
}

Status Branch::failure(const ExitStatus& status, std::string_view when) const {
  return Status(code_of(status), fmt::format("{}: '{}' {}{}", option_, command_, status.text(), when));
}

Status Branch::wait() {
  if (!child_) return {};
  const ExitStatus status = child_->wait();
  if (!status.ok()) return failure(status, "");
  if (!unread_.is_open()) return {};
  STREAM_ASSIGN(const int unread, bytes_in_pipe(unread_.get()));
  if (unread == 0) return {};
  return failed("{}: '{}' ended before it had read all: {} bytes are lost", option_, command_, unread);
}

}  // namespace streamutils::sdivert
