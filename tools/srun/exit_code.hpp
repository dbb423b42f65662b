// SPDX-License-Identifier: Apache-2.0
// From how the stages ended to what srun does next.
#pragma once
#include <optional>
#include <vector>

#include "lib/process/child.hpp"

namespace streamutils::srun {

struct StageEnd {
  ExitStatus status;
  bool by_us = false;  ///< srun has sent it the signal that ended it: no failure of its own
  int round = 0;       ///< a stage that ended later has a higher one
};

/// 2 if any stage exited 2, else 3 if any exited 3, else the rightmost that is not 0 (as a shell with pipefail; a
/// broken pipe only when there is nothing else), else 0. A 2 or 3 does not count when a stage before it had failed
/// otherwise, at the same time or earlier, or was killed: it is about an input that was cut off.
int exit_code(const std::vector<StageEnd>& ends);

/// Whether a new start may help: a stage failed, none with 2 or 3, and not because a reader had left.
bool may_restart(const std::vector<StageEnd>& ends);

/// The stage that failed first; one that was killed, which no failure of a neighbour does, comes before all others. Of
/// those whose end was seen at the same time the leftmost, since what comes after it is left with a cut input. Empty:
/// none failed.
std::optional<size_t> first_failure(const std::vector<StageEnd>& ends);

}  // namespace streamutils::srun
