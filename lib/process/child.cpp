// SPDX-License-Identifier: Apache-2.0
#include "lib/process/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "lib/base/clock.hpp"
#include "lib/process/shell_words.hpp"

namespace streamutils {

void Fd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Result<Pipe> make_pipe(int size_bytes) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return errno_status(errno, "make", "a pipe");
  if (size_bytes > 0)
    fcntl(fds[1], F_SETPIPE_SZ, size_bytes);  // over the user's quota it stays small: slower, not wrong
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

Result<Fd> reopen_to_read(int write_fd) {
  const std::string path = fmt::format("/proc/self/fd/{}", write_fd);
  Fd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_open()) return errno_status(errno, "open", path);
  return fd;
}

Result<int> bytes_in_pipe(int fd) {
  int bytes = 0;
  if (ioctl(fd, FIONREAD, &bytes) != 0) return errno_status(errno, "look into", "a pipe");
  return bytes;
}

Status set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return errno_status(errno, "set up", "a pipe");
  return {};
}

bool ExitStatus::is_broken_pipe() const { return shell_code() == 128 + SIGPIPE; }

std::string ExitStatus::text() const {
  if (signal == 0) return fmt::format("exited with {}", code);
  const char* name = sigabbrev_np(signal);
  return name ? fmt::format("was killed by SIG{}", name) : fmt::format("was killed by signal {}", signal);
}

namespace {

ExitStatus from_wait_status(int status) {
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

/// The environment of the child as "NAME=value" texts.
std::vector<std::string> environment_of(const SpawnRequest& request) {
  std::vector<std::string> out;
  const auto remove = [&out](const std::string& name) {
    std::erase_if(out, [&](const std::string& entry) {
      return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
    });
  };
  for (char** entry = environ; entry && *entry; ++entry) out.emplace_back(*entry);
  for (const auto& [name, value] : request.environment) {
    remove(name);
    if (value) out.push_back(fmt::format("{}={}", name, *value));
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// Puts `fd` at `target`, where it survives exec.
bool move_to(int fd, int target) {
  if (fd < 0) return true;
  if (fd == target) return fcntl(fd, F_SETFD, 0) == 0;
  return dup2(fd, target) >= 0;
}

void reset_signals(bool ignore_interrupt) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &action, nullptr);
  action.sa_handler = SIG_IGN;
  if (ignore_interrupt) sigaction(SIGINT, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Between fork and exec: async-signal-safe calls only. Returns the errno of what went wrong.
int become(const SpawnRequest& request, char* const* argv, char* const* envp, pid_t parent) {
  if (request.die_with_parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    // The parent may have died before the call above: then no signal will come.
    if (getppid() != parent) _exit(128 + SIGKILL);
  }
  // A descriptor below 3 that is meant for another place must not be overwritten before it has been moved.
  int fds[3] = {request.stdin_fd, request.stdout_fd, request.stderr_fd};
  for (int i = 0; i < 3; ++i) {
    if (fds[i] < 0 || fds[i] > 2 || fds[i] == i) continue;
    fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
    if (fds[i] < 0) return errno;
  }
  for (int i = 0; i < 3; ++i) {
    if (!move_to(fds[i], i)) return errno;
  }
  reset_signals(request.ignore_interrupt);
  execve(request.file.c_str(), argv, envp);
  return errno;
}

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

Result<Child> spawn(const SpawnRequest& request) {
  std::vector<std::string> words = request.words;
  std::vector<std::string> environment = environment_of(request);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(environment);
  STREAM_ASSIGN(Pipe report, make_pipe());
  // A handler of the parent must not run in the child before exec has reset it.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    const int error = become(request, argv.data(), envp.data(), parent);
    [[maybe_unused]] const ssize_t n = write(report.write.get(), &error, sizeof error);
    _exit(127);
  }
  const int fork_error = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return errno_status(fork_error, "start", request.words.front());
  report.write.reset();
  int error = 0;
  ssize_t n = 0;
  do {
    n = read(report.read.get(), &error, sizeof error);  // 0 bytes: exec has closed it
  } while (n < 0 && errno == EINTR);
  Child child(pid);
  if (n != sizeof error) return child;
  child.wait();
  Status status = errno_status(error, "start", request.words.front());
  if (error == EACCES || error == ENOENT || error == ENOEXEC || error == E2BIG) {
    return Status(Code::usage, std::string(status.message()));
  }
  return status;
}

const std::optional<ExitStatus>& Child::poll() {
  if (status_) return status_;
  int status = 0;
  const pid_t got = waitpid(pid_, &status, WNOHANG);
  if (got == pid_) status_ = from_wait_status(status);
  return status_;
}

ExitStatus Child::wait() {
  while (!status_) {
    int status = 0;
    if (waitpid(pid_, &status, 0) == pid_) {
      status_ = from_wait_status(status);
    } else if (errno != EINTR) {
      status_ = ExitStatus{1, 0};  // not our child any more: somebody else has waited for it
    }
  }
  return *status_;
}

std::optional<ExitStatus> Child::wait_for(Duration timeout) {
  const SystemClock clock;
  const MonoTime end = clock.mono() + timeout;
  const Fd pidfd(open_pidfd(pid_));
  while (!poll()) {
    const Duration left = end - clock.mono();
    if (left.us <= 0) return std::nullopt;
    pollfd fd{pidfd.get(), POLLIN, 0};
    const int step_ms = pidfd.is_open() ? 60'000 : 10;  // without pidfd_open, look again and again
    ::poll(&fd, 1, static_cast<int>(std::min<int64_t>(left.us / 1000 + 1, step_ms)));
  }
  return status_;
}

void Child::send(int signal) {
  if (!poll()) kill(pid_, signal);
}

namespace {

constexpr Duration kCheckLimit{10'000'000};

/// What comes through `fd` until its end or `end`; at most 64 KiB of it.
std::string read_until(int fd, MonoTime end) {
  constexpr size_t kMaxText = 64 << 10;
  const SystemClock clock;
  std::string text;
  for (;;) {
    const Duration left = end - clock.mono();
    pollfd wanted{fd, POLLIN, 0};
    const int ready = left.us > 0 ? poll(&wanted, 1, static_cast<int>(left.us / 1000 + 1)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return text;
    char bytes[4096];
    const ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    if (text.size() < kMaxText) text.append(bytes, static_cast<size_t>(n));
  }
}

struct Checked {
  std::optional<ExitStatus> status;  ///< none: it did not end in time, and was killed
  std::string said;
};

/// Runs a program of ours with STREAM_CHECK and nothing to read or write but what `said` of the request is to be.
Result<Checked> run_check(SpawnRequest request, const char* question, int SpawnRequest::*said) {
  STREAM_ASSIGN(Pipe pipe, make_pipe());
  const Fd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.is_open()) return errno_status(errno, "open", "/dev/null");
  request.stdin_fd = request.stdout_fd = request.stderr_fd = nothing.get();
  request.*said = pipe.write.get();
  request.die_with_parent = true;
  request.environment.emplace_back("STREAM_CHECK", question);
  STREAM_ASSIGN(Child child, spawn(request));
  pipe.write.reset();
  const SystemClock clock;
  const MonoTime end = clock.mono() + kCheckLimit;
  Checked checked;
  checked.said = read_until(pipe.read.get(), end);
  checked.status = child.wait_for(std::max(Duration{0}, end - clock.mono()));
  if (checked.status) return checked;
  child.send(SIGKILL);
  child.wait();
  return checked;
}

}  // namespace

Status check_program(const SpawnRequest& request) {
  STREAM_ASSIGN(Checked checked, run_check(request, "1", &SpawnRequest::stderr_fd));
  if (!checked.status) return usage_error("'{}' does not end when it is checked", join_words(request.words));
  if (checked.status->ok()) return {};
  std::string& text = checked.said;
  while (text.ends_with('\n')) text.pop_back();
  if (text.empty()) {
    return usage_error("'{}' {} when it was checked", join_words(request.words), checked.status->text());
  }
  return Status(Code::usage, text);
}

std::vector<std::string> fields_of_program(const SpawnRequest& request) {
  auto checked = run_check(request, "fields", &SpawnRequest::stdout_fd);
  std::vector<std::string> fields;
  if (!checked.ok() || !checked->status || !checked->status->ok()) return fields;
  for (std::string_view rest = checked->said; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    fields.emplace_back(line);
  }
  return fields;
}

}  // namespace streamutils
