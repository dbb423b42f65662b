// SPDX-License-Identifier: Apache-2.0
// A machine with a disk, a log to read, two sinks' stores, and starts of one pipeline on it:
//
//   source | swatermark | swindow | tee late=sink | sink
//
// Everything but the log, the tee and the sinks' stores is the real thing. Each stage is a process of its own: it can
// be killed or stopped alone, at every named point, and what it had not given away is gone. Or all of them are one
// process, as with sfuse, and only the sink of the tee's branch is another.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/checkpoint/start.hpp"
#include "tests/crash/log_source.hpp"
#include "tests/crash/memory_sink.hpp"
#include "tests/crash/scheduler.hpp"
#include "tests/helpers/crash_file_system.hpp"

namespace streamutils::crash {

enum class Shape {
  processes,  ///< each stage one
  fused,      ///< one, and the branch
  threads,    ///< the same, with the records parsed on two threads
};

enum class Harm {
  kill_one,    ///< kill -9 of the process that reached the point
  kill_all,    ///< of all processes at that moment
  power_loss,  ///< the same, and what was not synced is gone
  stop_one,    ///< SIGSTOP of that process, a twin runs to its end, SIGCONT
  stop_all,
};

struct Trap {
  std::string point;
  int occurrence = 1;
  Harm harm = Harm::kill_all;
};

class World {
 public:
  explicit World(Shape shape = Shape::processes);

  struct Outcome {
    std::map<std::string, Status> stages;  ///< how each process ended
    bool hung = false;
    bool trapped = false;  ///< the trap was reached
    [[nodiscard]] bool ok() const;
    [[nodiscard]] std::string text() const;
  };
  /// One start, until all its processes have ended. Points that are reached are counted in `reached`.
  Outcome start(uint64_t seed, const std::optional<Trap>& trap = std::nullopt);
  /// What became of the start that a trap had stopped, once it went on. Of the last start().
  Outcome stopped;

  /// Of the root sink of the starts to come.
  checkpoint::StartSettings settings;
  /// A real sink in the place of the root's MemorySink, whose store then stays empty.
  std::function<Result<std::unique_ptr<checkpoint::TransactionalSink>>(Context& context)> main_sink;
  std::string main_program = "ssink-memory";
  std::map<std::string, int> reached;
  checkpoint::CrashDisk disk{"/checkpoint"};
  MemoryStore main_store, side_store;
  uint64_t records_read = 0;

 private:
  friend class Start;
  const Shape shape_;
  std::vector<LogUnit> log_;
  FakeClock clock_;
};

}  // namespace streamutils::crash
