// SPDX-License-Identifier: Apache-2.0
#include "lib/program/posix.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace streamutils {

std::atomic<bool> report_requested{false};

namespace {

StopFlag* stop_flag = nullptr;  // for the signal handler; set before it is installed

/// The first signal asks for a clean end; the second finds the default action and kills.
extern "C" void handle_stop(int) { stop_flag->request(); }

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
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  struct sigaction report {};
  report.sa_handler = handle_report;
  sigaction(SIGUSR1, &report, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a write reports EPIPE instead, and the exit code is 141
}

}  // namespace streamutils
