// SPDX-License-Identifier: Apache-2.0
// Child processes: starting them with their descriptors, and how they ended.
//
// Thread rule: spawn() from a program with one thread (die_with_parent is tied to the thread that spawns).
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/base/time.hpp"

namespace streamutils {

/// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_;
};

struct Pipe {
  Fd read, write;
};
/// A close-on-exec pipe. `size_bytes` 0: the system's default; a size that the system refuses is left at the default.
Result<Pipe> make_pipe(int size_bytes = 0);
inline constexpr int kPipeBytes = 1 << 20;
/// Another read end of the pipe whose write end is `write_fd`: close-on-exec, never waits. As long as it is open, what
/// the pipe holds stays there to be counted when its reader has gone. Needs /proc.
Result<Fd> reopen_to_read(int write_fd);
/// How many bytes are in the pipe of which `fd` is an end.
Result<int> bytes_in_pipe(int fd);
/// Makes reads and writes of `fd` return EAGAIN instead of waiting.
Status set_nonblocking(int fd);

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< exit code, when signal is 0
  int signal = 0;  ///< the signal that killed it
  [[nodiscard]] bool ok() const { return code == 0 && signal == 0; }
  /// As a shell says it: 128 + the signal when killed.
  [[nodiscard]] int shell_code() const { return signal ? 128 + signal : code; }
  /// The reader of its output had gone: exit code 141, or killed by SIGPIPE.
  [[nodiscard]] bool is_broken_pipe() const;
  /// "exited with 1", "was killed by SIGKILL"
  [[nodiscard]] std::string text() const;
};

struct SpawnRequest {
  std::string file;                                   ///< from find_command()
  std::vector<std::string> words;                     ///< argv, the first included
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;  ///< -1: the parent's; others are not closed in the parent
  /// Changes to the environment, later ones win; no value: not set in the child.
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;
  bool die_with_parent = false;   ///< killed (SIGKILL) when the parent dies, however that happens
  bool ignore_interrupt = false;  ///< starts with SIGINT ignored, as a shell's background command
};

/// A started process. Destroying it neither ends the process nor waits for it.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// How it ended, or nothing while it runs. Never waits.
  const std::optional<ExitStatus>& poll();
  ExitStatus wait();
  /// Nothing when it still runs after `timeout`.
  std::optional<ExitStatus> wait_for(Duration timeout);
  /// Does nothing once it has ended and poll() or wait() has seen it: its pid may be another's.
  void send(int signal);

 private:
  pid_t pid_;
  std::optional<ExitStatus> status_;
};

/// Starts a process with no signal blocked and SIGPIPE at its default: a parent that ignores it (systemd's services do)
/// would have its children ignore it too. On failure nothing was started: code failed, or usage when the file cannot be
/// executed.
Result<Child> spawn(const SpawnRequest& request);

/// Runs a program of ours with STREAM_CHECK=1, which ends it before it reads anything, bounded by 10 s. `request` gives
/// file, words and environment. On failure: what it said on stderr, as a usage error.
Status check_program(const SpawnRequest& request);
/// The paths of the fields that a program of ours reads from records (STREAM_CHECK=fields); none when it does not say.
std::vector<std::string> fields_of_program(const SpawnRequest& request);

}  // namespace streamutils
