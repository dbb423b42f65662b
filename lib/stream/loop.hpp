// SPDX-License-Identifier: Apache-2.0
// The one loop: source -> operator -> output. Everything buffered is flushed before any wait.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "lib/base/clock.hpp"
#include "lib/stream/operator.hpp"
#include "lib/stream/source.hpp"

namespace streamutils {

/// The end of a program's stream: stdout, or nothing for a sink.
class Terminal : public Output {
 public:
  Status flush() override = 0;
};

struct LoopSettings {
  std::string program;      ///< added to `open` as a stage
  std::string checkpoint;   ///< the stage's store, empty without one
  bool strict = false;      ///< the first `invalid` side record ends the loop with Code::bad_data
  /// Called about once a second while nothing blocks, and at the end: the terminal's status line.
  std::function<void()> every_second;
  /// Called soon after *report_requested (may be null) has become true, which is then set back: SIGUSR1.
  std::atomic<bool>* report_requested = nullptr;
  std::function<void()> report;
};

/// Runs until the source has finished, then flushes. Returns the first failure; on Code::broken_pipe the output's reader has left.
/// Counts records and side records in `context.metrics`: stream_records_in_total, stream_records_out_total,
/// stream_side_records_total{label}.
Status run_loop(Source& source, Operator& op, Terminal& terminal, const Waiter& waiter, Context& context,
                const LoopSettings& settings);

}  // namespace streamutils
