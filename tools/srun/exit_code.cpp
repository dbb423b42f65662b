// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/exit_code.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace streamutils::srun {

namespace {

bool exited(const StageEnd& end, int code) { return end.status.signal == 0 && end.status.code == code; }

bool is_final(const StageEnd& end) { return exited(end, 2) || exited(end, 3); }

bool is_failure(const StageEnd& end) { return !end.by_us && !end.status.ok() && !end.status.is_broken_pipe(); }

/// Without the stages that say 2 or 3 of what a failed stage had left them.
std::vector<StageEnd> without_victims(const std::vector<StageEnd>& ends) {
  std::vector<StageEnd> out;
  for (auto end = ends.begin(); end != ends.end(); ++end) {
    const bool victim =
        is_final(*end) && std::any_of(ends.begin(), end, [&](const StageEnd& before) {
          // A kill is no neighbour's doing, and may be seen after what it has led to.
          return is_failure(before) && !is_final(before) && (before.round <= end->round || before.status.signal != 0);
        });
    if (!victim) out.push_back(*end);
  }
  return out;
}

bool any_exited(const std::vector<StageEnd>& ends, int code) {
  return std::any_of(ends.begin(), ends.end(), [code](const StageEnd& end) { return exited(end, code); });
}

}  // namespace

int exit_code(const std::vector<StageEnd>& all) {
  const std::vector<StageEnd> ends = without_victims(all);
  if (any_exited(ends, 2)) return 2;
  if (any_exited(ends, 3)) return 3;
  // Where something has failed, readers have left because of that.
  const bool failed = std::any_of(ends.begin(), ends.end(), is_failure);
  const auto last = std::find_if(ends.rbegin(), ends.rend(), [failed](const StageEnd& end) {
    return failed ? is_failure(end) : !end.by_us && !end.status.ok();
  });
  return last == ends.rend() ? 0 : last->status.shell_code();
}

bool may_restart(const std::vector<StageEnd>& ends) {
  const int code = exit_code(ends);
  return code != 0 && code != 2 && code != 3 && code != 128 + SIGPIPE;
}

std::optional<size_t> first_failure(const std::vector<StageEnd>& ends) {
  // Of a process that is killed the neighbours may notice the closed pipes, and end, before its own end can be seen.
  const auto order = [&](size_t i) { return std::pair(ends[i].status.signal == 0, ends[i].round); };
  std::optional<size_t> first;
  for (size_t i = 0; i < ends.size(); ++i) {
    if (is_failure(ends[i]) && (!first || order(i) < order(*first))) first = i;
  }
  return first;
}

}  // namespace streamutils::srun
