// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/sink.hpp"

namespace streamutils::checkpoint {

namespace {
constexpr std::string_view kTakenOver = "has taken over from this one";
}

Status fenced(std::string_view place, uint64_t ours, uint64_t theirs) {
  return usage_error("{}: a later start of this pipeline (generation {}) {} (generation {}), which ends here", place,
                     theirs, kTakenOver, ours);
}

bool is_fenced(const Status& status) { return status.message().find(kTakenOver) != std::string_view::npos; }

Status fenced_at_start(std::string_view place, uint64_t ours, uint64_t theirs) {
  return usage_error(
      "{}; if nobody has started it elsewhere, the checkpoint is an older copy than what it has written there: use the "
      "newest",
      fenced(place, ours, theirs).message());
}

}  // namespace streamutils::checkpoint
