// SPDX-License-Identifier: Apache-2.0
// From how the stages ended to what srun does next.
#pragma once
#include <vector>

#include "lib/process/child.hpp"

namespace streamutils::srun {

struct StageEnd {
  ExitStatus status;
  bool by_us = false;  ///< srun has sent it the signal that ended it: no failure of its own
  int round = 0;       ///< a stage that ended later has a higher one
};

/// 2 if any stage exited 2, else 3 if any exited 3, else the rightmost that is not 0 (as a shell with pipefail), else
/// 0. A 2 or 3 does not count when a stage before it had failed otherwise, at the same time or earlier: it is about an
/// input that was cut off.
int exit_code(const std::vector<StageEnd>& ends);

/// Whether a new start may help: a stage failed, none with 2 or 3, and not because a reader had left.
bool may_restart(const std::vector<StageEnd>& ends);

/// 0.5 s, doubling up to 30 s; from the start again after a run of a minute.
class Backoff {
 public:
  /// `ran`: how long the run before lasted.
  Duration next(Duration ran);

 private:
  Duration delay_{0};
};

}  // namespace streamutils::srun
