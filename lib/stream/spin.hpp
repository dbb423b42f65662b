// SPDX-License-Identifier: Apache-2.0
// Waiting for another thread that is nearly done.
#pragma once
#include <thread>

namespace streamutils {

/// Waits a little, as long as it takes to wake a thread that sleeps, and then lets others have the core for once. True
/// once `done`.
template <class Done>
bool spin_until(Done done) {
  constexpr int kTurns = 2'000;
  for (int turn = 0; turn < kTurns; ++turn) {
    if (done()) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  std::this_thread::yield();
  return done();
}

}  // namespace streamutils
