// SPDX-License-Identifier: Apache-2.0
// Programs of a pipeline run as one: the main function of each is called from within the one before it, where that
// would run its operator, and the last one runs them all in one loop. So each program reads its options, makes its
// operator and says what is wrong exactly as it does by itself, and no program knows of it.
//
// Thread rule: one Fusion in a process at a time.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lib/stream/context.hpp"
#include "lib/stream/loop.hpp"
#include "lib/stream/reader.hpp"

namespace streamutils {

class Fusion {
 public:
  using Main = int (*)(int, char**);
  struct Stage {
    std::vector<std::string> words;  ///< never empty: the program's name, and its arguments
    Main main;
  };

  /// Runs the stages, of which there is at least one, on at least so many threads; returns the exit code of the whole.
  static int run(std::vector<Stage> stages, size_t threads);

  /// The one that runs, for Program; null when a program is by itself.
  static Fusion* current();
  [[nodiscard]] bool at_first() const { return at_ == 0; }
  [[nodiscard]] bool at_last() const { return at_ + 1 == stages_.size(); }
  /// A program has made its part; the others are called. Returns the exit code. REQUIRES: !at_last().
  int call_next(LoopStage stage);
  /// The parts of all programs but the last.
  std::vector<LoopStage>& parts() { return parts_; }

  // What all of them share.
  Units units;
  SharedFields fields;
  Workers workers;
  size_t threads = 1;  ///< the most that one of them asks for
  StopFlag stop;
  StreamReader* reader = nullptr;
  Waiter* waiter = nullptr;
  Source* source = nullptr;  ///< of the first program, when it is one
  /// Called while a later program waits: what an earlier one would notice of its own helpers if it were not waiting
  /// too.
  std::vector<std::function<Status()>> while_waiting;

 private:
  explicit Fusion(std::vector<Stage> stages) : stages_(std::move(stages)) {}
  int call();

  std::vector<Stage> stages_;
  size_t at_ = 0;
  std::vector<LoopStage> parts_;
};

}  // namespace streamutils
