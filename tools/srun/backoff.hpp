// SPDX-License-Identifier: Apache-2.0
// How long to wait before a pipeline is started again.
#pragma once
#include "lib/base/time.hpp"

namespace streamutils::srun {

class Backoff {
 public:
  /// With a checkpoint the first restart is at once, since nothing is lost by it, and the longest wait is 10 s; without
  /// one they are 0.5 s and 30 s. In between the wait doubles.
  explicit Backoff(bool checkpoint)
      : first_{checkpoint ? 0 : kStep.us}, longest_{checkpoint ? 10'000'000 : 30'000'000} {}

  /// `ran`: how long the run before lasted; `progress`: it decided an epoch. A run of a minute, or one with progress,
  /// was a good one: the waits begin from the start again. (A record that kills its reader each time ends all
  /// progress.)
  Duration next(Duration ran, bool progress);

 private:
  static constexpr Duration kStep{500'000}, kSteady{60'000'000};

  Duration first_, longest_;
  Duration next_{-1};  // below 0: the first
};

}  // namespace streamutils::srun
