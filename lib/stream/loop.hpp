// SPDX-License-Identifier: Apache-2.0
// The one loop: source -> operators -> output. Everything buffered is flushed before any wait.
#pragma once
#include <atomic>
#include <functional>
#include <span>
#include <string>

#include "lib/base/clock.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/operator.hpp"
#include "lib/stream/source.hpp"

namespace streamutils {

/// The end of a program's stream: stdout, or nothing for a sink.
class Terminal : public Output {
 public:
  Status flush() override = 0;
};

/// One program's part of a pipeline.
struct LoopStage {
  Operator& op;
  Context& context;
  std::string program;     ///< added to `open` as a stage
  std::string checkpoint;  ///< the stage's store, empty without one
  bool strict = false;     ///< the first `invalid` side record ends the loop with Code::bad_data
};

struct LoopSettings {
  /// Called about once a second while nothing blocks, and at the end: the terminal's status line.
  std::function<void()> every_second;
  /// Called soon after *report_requested (may be null) has become true, which is then set back: SIGUSR1. The
  /// stages' operators are asked to explain() behind it.
  std::atomic<bool>* report_requested = nullptr;
  std::function<void()> report;
};

struct LoopEnd {
  Status status;
  size_t stage = 0;  ///< whose failure it is
};

/// Runs until the source has finished, then flushes. Each stage is given what the one before it gives; all of it
/// happens in the calling thread. Returns the first failure; on Code::broken_pipe the output's reader has left. Counts
/// records and side records in each stage's metrics: stream_records_in_total, stream_records_out_total,
/// stream_side_records_total{label}. REQUIRES: there is a stage; their contexts share clock and units.
LoopEnd run_loop(Source& source, std::span<const LoopStage> stages, Terminal& terminal, const Waiter& waiter,
                 const LoopSettings& settings);

}  // namespace streamutils
