// SPDX-License-Identifier: Apache-2.0
// Processes of a pipeline as threads of which exactly one runs at a time: the order is chosen by a seed, time passes
// only when all wait, and a run can be repeated to the letter.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/clock.hpp"

namespace streamutils::crash {

class Scheduler {
 public:
  class Task {
   public:
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool killed() const { return killed_; }
    /// kill -9: it is woken, and whatever it tries then fails; see World.
    void kill() { killed_ = true; }
    /// SIGSTOP and SIGCONT. A task that freezes itself goes on to its next wait.
    void freeze(bool frozen) { frozen_ = frozen; }
    [[nodiscard]] bool frozen() const { return frozen_; }

   private:
    friend class Scheduler;
    std::string name_;
    std::function<void()> body_;
    std::function<bool()> ready_;  // empty while it only waits for time
    std::optional<MonoTime> until_;
    bool started_ = false, ended_ = false, killed_ = false, frozen_ = false;
    std::binary_semaphore turn_{0};
    std::thread thread_;
  };

  Scheduler(FakeClock& clock, uint64_t seed) : clock_(clock), random_(seed) {}
  ~Scheduler();

  Task& add(std::string name, std::function<void()> body);
  /// Runs until every task has ended or is frozen. False: some wait for what will never come.
  bool run();

  /// Within a task: gives others their turn until `ready` or the time; at once when it was killed.
  void wait(const std::function<bool()>& ready, std::optional<MonoTime> until);
  /// The task that runs; null outside.
  [[nodiscard]] Task* current() const { return current_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_; }

 private:
  [[nodiscard]] bool can_run(const Task& task) const;

  FakeClock& clock_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Task>> tasks_;
  Task* current_ = nullptr;
  std::binary_semaphore back_{0};
};

}  // namespace streamutils::crash
