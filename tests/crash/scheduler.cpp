// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/scheduler.hpp"

#include <algorithm>

namespace streamutils::crash {

namespace {
constexpr Duration kLongest{60'000'000};  // a run takes a second of this clock, unless somebody waits in vain
}

Scheduler::~Scheduler() {
  for (const auto& task : tasks_) {
    task->kill();
    task->freeze(false);
  }
  run();
  for (const auto& task : tasks_) {
    if (task->thread_.joinable()) task->thread_.join();
  }
}

Scheduler::Task& Scheduler::add(std::string name, std::function<void()> body) {
  auto& task = *tasks_.emplace_back(std::make_unique<Task>());
  task.name_ = std::move(name);
  task.body_ = std::move(body);
  task.ready_ = [] { return true; };
  return task;
}

bool Scheduler::can_run(const Task& task) const {
  if (task.ended_ || task.frozen_) return false;
  if (task.killed_ || (task.until_ && clock_.mono() >= *task.until_)) return true;
  return task.ready_ && task.ready_();
}

bool Scheduler::run() {
  const MonoTime limit = clock_.mono() + kLongest;
  for (;;) {
    if (clock_.mono() > limit) return false;
    std::vector<Task*> able;
    std::optional<MonoTime> next;
    bool any = false;
    for (const auto& task : tasks_) {
      if (can_run(*task)) able.push_back(task.get());
      if (task->ended_ || task->frozen_) continue;
      any = true;
      if (task->until_) next = std::min(next.value_or(*task->until_), *task->until_);
    }
    if (!any) return true;
    if (able.empty()) {
      if (!next) return false;
      clock_.advance(*next - clock_.mono());
      continue;
    }
    Task& task = *able[random_() % able.size()];
    current_ = &task;
    if (!task.started_) {
      task.started_ = true;
      task.thread_ = std::thread([this, &task] {
        task.turn_.acquire();
        task.body_();
        task.ended_ = true;
        back_.release();
      });
    }
    task.turn_.release();
    back_.acquire();
    current_ = nullptr;
  }
}

void Scheduler::wait(const std::function<bool()>& ready, std::optional<MonoTime> until) {
  Task& task = *current_;
  if (task.killed_) return;
  task.ready_ = ready;
  task.until_ = until;
  back_.release();
  task.turn_.acquire();
}

}  // namespace streamutils::crash
