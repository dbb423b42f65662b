// SPDX-License-Identifier: Apache-2.0
// SIGTERM, SIGINT, SIGUSR1 and SIGCHLD as something to poll.
#pragma once
#include <optional>

#include "lib/process/child.hpp"

namespace streamutils::srun {

struct Signal {
  int number = 0;
  bool from_terminal = false;  ///< Ctrl-C: every process of the foreground group has got it
};

/// Blocks them for the life of the process; spawn() unblocks them in children.
class Signals {
 public:
  static Result<Signals> create();
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next one that has come, or nothing. Never waits.
  std::optional<Signal> next();
  /// Waits for SIGTERM or SIGINT, at most `timeout`; true when one came.
  bool wait_for_stop(Duration timeout);

 private:
  explicit Signals(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace streamutils::srun
