// SPDX-License-Identifier: Apache-2.0
#include "lib/program/posix.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace streamutils {

std::atomic<bool> report_requested{false};

namespace {

StopFlag* stop_flag = nullptr;  // for the signal handler; set before it is installed

constexpr int64_t kOneRequestMs = 500;
std::atomic<int64_t> first_stop_ms{0};

/// The first signal asks for a clean end; a later one finds the default action and kills. Those that come at once
/// belong to the same request: systemd signals all processes of a unit, and srun passes on to the source what it gets.
extern "C" void handle_stop(int signal) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t now_ms = int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000 + 1;  // never 0
  const int64_t first_ms = first_stop_ms;
  if (first_ms == 0) {
    first_stop_ms = now_ms;
    stop_flag->request();
  } else if (now_ms - first_ms > kOneRequestMs) {
    std::signal(signal, SIG_DFL);
    raise(signal);  // delivered when this returns
  }
}

extern "C" void handle_report(int) { report_requested = true; }  // it also ends a poll(2) that waits

}  // namespace

void claim_standard_files() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void widen_pipes() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) fcntl(fd, F_SETPIPE_SZ, 1 << 20);
}

void install_signal_handlers(StopFlag& stop) {
  stop_flag = &stop;
  struct sigaction action {};
  action.sa_handler = handle_stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  struct sigaction report {};
  report.sa_handler = handle_report;
  sigaction(SIGUSR1, &report, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a write reports EPIPE instead, and the exit code is 141
}

}  // namespace streamutils
