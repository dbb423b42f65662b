// SPDX-License-Identifier: Apache-2.0
// What an operator or source is given of the world: names of units, time, a place for words and figures.
#pragma once
#include <atomic>
#include <optional>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/base/log.hpp"
#include "lib/base/metrics.hpp"
#include "lib/json/event_time.hpp"
#include "lib/stream/batch.hpp"
#include "lib/stream/workers.hpp"

namespace streamutils {

/// Set by the first SIGTERM or SIGINT: a source ends its stream. Wakes a Waiter through its file descriptor.
/// Thread rule: request() is async-signal-safe; the rest belongs to the loop.
class StopFlag {
 public:
  StopFlag();
  ~StopFlag();
  StopFlag(const StopFlag&) = delete;
  StopFlag& operator=(const StopFlag&) = delete;
  void request();
  [[nodiscard]] bool requested() const { return requested_.load(std::memory_order_relaxed); }
  [[nodiscard]] int fd() const { return fd_; }  ///< becomes readable, and stays so

 private:
  std::atomic<bool> requested_{false};
  int fd_ = -1;
};

/// Where a stage finds the event times of records.
struct WantedTimes {
  size_t slot = 0;
  TimeUnit unit = TimeUnit::automatic;
  bool operator==(const WantedTimes&) const = default;
};

/// What all stages of this process read from records (FieldReader).
struct SharedFields {
  FieldSet set;
  std::optional<WantedTimes> times;  ///< Batch::found_times are these
  bool read = false;                 ///< some stage reads, if only to see that a record is valid
  std::vector<size_t> asked;  ///< slots of those that the binary encoding is to carry on, for programs behind this one
};

struct Context {
  Clock& clock;
  Log& log;
  Metrics& metrics;
  Units& units;
  SharedFields* shared_fields = nullptr;  ///< null: one stage reads, in the thread of the loop
  Workers* workers = nullptr;             ///< null: all is done in the thread of the loop
};

}  // namespace streamutils
