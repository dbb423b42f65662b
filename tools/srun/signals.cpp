// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "lib/base/clock.hpp"

namespace streamutils::srun {

Result<Signals> Signals::create() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGCHLD, SIG_DFL);  // ignored, as some parents leave it, children would vanish without a status
  std::signal(SIGPIPE, SIG_IGN);  // a reader of stderr that has left is no reason to kill the pipeline
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return errno_status(errno, "make", "a signal descriptor");
  return Signals(std::move(fd));
}

std::optional<Signal> Signals::next() {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return Signal{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

bool Signals::wait_for_stop(Duration timeout) {
  const SystemClock clock;
  const MonoTime end = clock.mono() + timeout;
  for (;;) {
    while (const auto signal = next()) {
      if (signal->number == SIGTERM || signal->number == SIGINT) return true;
    }
    const Duration left = end - clock.mono();
    if (left.us <= 0) return false;
    pollfd fd{fd_.get(), POLLIN, 0};
    ::poll(&fd, 1, static_cast<int>(left.us / 1000 + 1));
  }
}

}  // namespace streamutils::srun
