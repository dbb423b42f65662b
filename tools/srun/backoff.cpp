// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/backoff.hpp"

#include <algorithm>

namespace streamutils::srun {

Duration Backoff::next(Duration ran, bool progress) {
  const Duration now = next_.us < 0 || progress || ran >= kSteady ? first_ : next_;
  next_.us = std::min(std::max(now.us * 2, kStep.us), longest_.us);
  return now;
}

}  // namespace streamutils::srun
