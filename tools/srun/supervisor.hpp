// SPDX-License-Identifier: Apache-2.0
// One start of a pipeline: its processes from the first to the last.
//
// Invariants:
//  1. No stage outlives srun: each is killed by the kernel when srun dies.
//  2. srun holds no end of the pipes between stages: whoever ends is noticed by its neighbours.
//  3. run() returns only when every stage has been waited for.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/base/log.hpp"
#include "lib/base/metrics.hpp"
#include "tools/srun/exit_code.hpp"
#include "tools/srun/pipeline.hpp"
#include "tools/srun/signals.hpp"
#include "tools/srun/stage_stderr.hpp"

namespace streamutils::srun {

struct World {
  Clock& clock;
  Log& log;
  Metrics& metrics;
  Signals& signals;
  std::function<void()> every_second;  ///< writes the metrics file; may be empty
};

struct Outcome {
  std::vector<StageEnd> ends;
  bool stopped = false;  ///< a signal asked for the end
  int killed_by = 0;     ///< a second signal, at which everything was killed
};

class Supervisor {
 public:
  Supervisor(const Pipeline& pipeline, World& world);
  /// Called when all stages have been started.
  void on_started(std::function<void()> call) { on_started_ = std::move(call); }
  /// Starts the stages and waits for them all. On failure a stage could not be started, and none is left.
  Result<Outcome> run();

 private:
  struct Running {
    Running(Child c, Fd e, StageStderr t) : child(std::move(c)), error(std::move(e)), text(std::move(t)) {}
    Child child;
    Fd error;  // what it writes to stderr
    StageStderr text;
    Metric* up = nullptr;
    int sent = 0;  // the last signal that we sent it
    bool ended = false;
    int round = 0;  // of reap(), in which its end was seen
  };

  Status start();
  Result<Running> start_stage(size_t index, int stdin_fd, int stdout_fd);
  void wait_for_something();
  [[nodiscard]] int timeout_ms() const;
  void take_signals();
  void ask_for_status();
  void stop(const Signal& signal);
  /// The stage that ends the stream at a stop: the first of ours. None: there is none.
  [[nodiscard]] std::optional<size_t> stream_start() const;
  void reap();
  void stage_ended(size_t index);
  void enforce_deadlines();
  void send_all(int signal);
  void read_stderr(Running& stage);
  void finish_stderr();
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] std::string title(size_t index) const;
  StageEnd end_of(size_t index);

  const Pipeline& pipeline_;
  World& world_;
  std::function<void()> on_started_;
  std::vector<Running> running_;
  Outcome outcome_;
  int round_ = 0;
  std::optional<MonoTime> term_at_, kill_at_;  // after a stage has failed
  MonoTime next_second_;
};

}  // namespace streamutils::srun
