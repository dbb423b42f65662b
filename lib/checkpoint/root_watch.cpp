// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/root_watch.hpp"

namespace streamutils::checkpoint {

namespace {
constexpr Duration kLook{1'000'000};
}

Status RootWatch::waited(Duration duration) {
  unseen_.us += duration.us;
  if (unseen_ < kLook) return {};
  STREAM_ASSIGN(const FileSystem::LockView lock, store_.look_at_lock());
  free_.us = lock.held ? 0 : free_.us + unseen_.us;
  unseen_ = Duration{0};
  if (free_ < kAbsence) return {};
  return failed(
      "checkpoint '{}': nobody has held its lock for {}: the last program of the pipeline has died, or is none that "
      "takes "
      "--checkpoint; the next start goes on from the checkpoint",
      store_.place(), format_duration(kAbsence));
}

}  // namespace streamutils::checkpoint
