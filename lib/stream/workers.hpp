// SPDX-License-Identifier: Apache-2.0
// Work of a stage that other threads may do meanwhile. It comes in shares that do not touch each other; whoever is free
// takes one, and when the stage needs what it has started it does itself what nobody has taken, and waits only for what
// is being done: never for a thread that has yet to be woken up. Without other threads all is done then.
//
// Thread rule: has_work() and help() in other threads, all else in the thread of the loop.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace streamutils {

class Workers {
 public:
  static constexpr size_t kMostShares = UINT16_MAX;
  /// What is done for each share. It lives until finish() has returned; it does not throw.
  class Job {
   public:
    virtual ~Job() = default;
    virtual void run(size_t share) = 0;
  };

  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// The threads that take shares, the loop's included. Stages may ask once their stream is open.
  [[nodiscard]] size_t threads() const { return threads_; }
  /// job.run() is called once for each share below `shares`, in any order and at the same time, in any threads. What
  /// was started before is finished first, whoever started it. REQUIRES: at most kMostShares; not within a share.
  void start(Job& job, size_t shares);
  /// Returns when nothing that was started is still to be done.
  void finish();

  /// For whoever owns threads: so many take part from now on, `wake` calls those of them that sleep.
  void set_threads(size_t threads, std::function<void()> wake);
  [[nodiscard]] bool has_work() const { return is_left(open_.load(std::memory_order_relaxed)); }
  /// Does one share; false when there is none.
  bool help();

 private:
  // Which shares nobody has taken: the number of the job << 32 | end << 16 | first. The loop's thread takes the first,
  // others the last: so a share is mostly done by the thread that has its data in its cache.
  static bool is_left(uint64_t open) { return (open & 0xffff) < (open >> 16 & 0xffff); }

  size_t threads_ = 1;
  std::function<void()> wake_;
  Job* job_ = nullptr;           // whoever has taken a share may read it until that is done
  size_t shares_ = 0, own_ = 0;  // of it; of these the loop's thread has done so many
  alignas(64) std::atomic<uint64_t> open_ = 0;
  alignas(64) std::atomic<size_t> done_ = 0;
};

}  // namespace streamutils
