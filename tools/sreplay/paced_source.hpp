// SPDX-License-Identifier: Apache-2.0
// Gives another source's records at the pace of their times.
//
// A record with time t is due at start + (t - t0) / speed, t0 being the first record's time. One whose time is before
// what was already given, or that has none, is due at once. Control items keep their places between the records. A stop
// ends the stream at once, without fire: records that are not due yet are not given.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "lib/stream/source.hpp"

namespace streamutils::sreplay {

/// The time of record i of a batch in us; empty when it has none.
using TimeOf = std::function<std::optional<int64_t>(const Batch& batch, size_t i)>;

class PacedSource final : public Source {
 public:
  /// REQUIRES: speed > 0.
  PacedSource(std::unique_ptr<Source> inner, double speed, TimeOf time_of, Clock& clock)
      : inner_(std::move(inner)), speed_(speed), time_of_(std::move(time_of)), clock_(clock) {}
  Result<State> poll(Output& out, const Waiter& waiter, Duration timeout) override;

 private:
  /// Copies of items that are not due yet.
  struct Held {
    BatchBuilder records;
    size_t next = 0;
    Control item;        // when there are no records
    std::string record;  // the bytes of a held side record
  };
  class Hold;

  struct Released {
    bool any = false;              ///< something was given
    std::optional<Duration> wait;  ///< until the next record is due; empty when all was given
  };
  /// Gives what is due now.
  Result<Released> release(Output& out);
  [[nodiscard]] MonoTime due(const Batch& batch, size_t i, MonoTime now);

  std::unique_ptr<Source> inner_;
  double speed_;
  TimeOf time_of_;
  Clock& clock_;
  std::deque<Held> held_;
  bool opened_ = false;          // `open` was given
  bool inner_finished_ = false;  // its `end` is held or given
  bool over_ = false;            // `end` was given
  std::optional<int64_t> first_time_;
  MonoTime start_;
};

}  // namespace streamutils::sreplay
