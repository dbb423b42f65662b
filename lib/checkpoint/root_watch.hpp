// SPDX-License-Identifier: Apache-2.0
// Whoever waits for the last program of a pipeline notices here that it has died, or never came, where that shows in no
// pipe: behind a program that is not ours and passes the stream on (cat, tee, pv) nobody learns that its reader is gone
// before something is written, and who waits writes nothing.
#pragma once
#include "lib/base/status.hpp"
#include "lib/base/time.hpp"
#include "lib/checkpoint/object_store.hpp"

namespace streamutils::checkpoint {

class RootWatch {
 public:
  /// So long may the lock, which the last program holds as long as it lives, be free while somebody waits.
  static constexpr Duration kAbsence{30'000'000};

  /// `store` lives as long as this.
  explicit RootWatch(ObjectStore& store) : store_(store) {}
  /// `duration` more was waited. Looks about once a second; fails when the lock was free for kAbsence.
  Status waited(Duration duration);
  /// What was waited for has come.
  void begin_again() { free_ = unseen_ = Duration{0}; }

 private:
  ObjectStore& store_;
  Duration free_{0}, unseen_{0};
};

}  // namespace streamutils::checkpoint
