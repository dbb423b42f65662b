// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/workers.hpp"

#include <utility>

#include "lib/stream/spin.hpp"

namespace streamutils {

void Workers::set_threads(size_t threads, std::function<void()> wake) {
  threads_ = threads;
  wake_ = std::move(wake);
}

void Workers::start(Job& job, size_t shares) {
  finish();
  job_ = &job;
  shares_ = shares;
  own_ = 0;
  done_.store(0, std::memory_order_relaxed);
  const uint64_t number = (open_.load(std::memory_order_relaxed) >> 32) + 1;
  open_.store(number << 32 | shares << 16, std::memory_order_release);
  if (wake_) wake_();
}

void Workers::finish() {
  if (!job_) return;
  uint64_t open = open_.load(std::memory_order_acquire);
  while (is_left(open)) {
    if (!open_.compare_exchange_weak(open, open + 1, std::memory_order_acquire)) continue;
    job_->run(open & 0xffff);
    ++own_;
    open = open_.load(std::memory_order_acquire);
  }
  const auto joined = [this] { return done_.load(std::memory_order_acquire) + own_ == shares_; };
  while (!spin_until(joined)) {
  }
  job_ = nullptr;
}

bool Workers::help() {
  uint64_t open = open_.load(std::memory_order_acquire);
  do {
    if (!is_left(open)) return false;
  } while (!open_.compare_exchange_weak(open, open - (uint64_t{1} << 16), std::memory_order_acquire));
  job_->run((open >> 16 & 0xffff) - 1);
  done_.fetch_add(1, std::memory_order_release);
  return true;
}

}  // namespace streamutils
