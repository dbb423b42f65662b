// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/sink.hpp"

namespace streamutils::checkpoint {

Status fenced(std::string_view place, uint64_t ours, uint64_t theirs) {
  return Status(Code::fenced, fmt::format("{}: a later start of this pipeline (generation {}) has taken over from this "
                                          "one (generation {}), which ends here",
                                          place, theirs, ours));
}

Status fenced_at_start(std::string_view place, uint64_t ours, uint64_t theirs) {
  return Status(Code::fenced,
                fmt::format("{}; if nobody has started it elsewhere, the checkpoint is an older copy than "
                            "what it has written there: use the newest",
                            fenced(place, ours, theirs).message()));
}

}  // namespace streamutils::checkpoint
