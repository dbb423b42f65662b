// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/workers.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace streamutils {
namespace {

/// Counts how often each share was done, without a lock: a share done twice at once is a race.
class Counting final : public Workers::Job {
 public:
  explicit Counting(size_t shares) : counts(shares) {}
  void run(size_t share) override { ++counts[share]; }
  std::vector<int> counts;
};

class WithHelpers {
 public:
  explicit WithHelpers(size_t threads) {
    workers.set_threads(threads, [this] { ++woken; });
    for (size_t i = 1; i < threads; ++i) {
      helpers_.emplace_back([this] {
        while (!stopping_) {
          if (workers.has_work()) workers.help();
        }
      });
    }
  }
  ~WithHelpers() {
    stopping_ = true;
    for (std::thread& helper : helpers_) helper.join();
  }
  Workers workers;
  int woken = 0;

 private:
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> helpers_;
};

TEST(WorkersTest, DoEachShareOnce) {
  for (const size_t threads : {1, 2, 3}) {
    WithHelpers with(threads);
    EXPECT_EQ(with.workers.threads(), threads);
    for (const size_t shares : {0, 1, 2, 7, 500}) {
      Counting one(shares), other(shares);
      constexpr int kRounds = 200;
      for (int round = 0; round < kRounds; ++round) {
        with.workers.start(one, shares);
        with.workers.start(other, shares);  // what was started before is done by then
        ASSERT_EQ(one.counts, std::vector<int>(shares, round + 1));
        with.workers.finish();
        ASSERT_EQ(other.counts, std::vector<int>(shares, round + 1));
        EXPECT_FALSE(with.workers.has_work());
      }
    }
    EXPECT_EQ(with.woken, 5 * 2 * 200);
  }
}

TEST(WorkersTest, WaitForNobodyWhoHasTakenNothing) {
  Workers workers;
  workers.set_threads(3, nullptr);  // who never come
  Counting job(10);
  workers.finish();
  workers.start(job, 10);
  EXPECT_TRUE(workers.has_work());
  EXPECT_TRUE(workers.help());
  EXPECT_EQ(job.counts.back(), 1);
  workers.finish();
  EXPECT_EQ(job.counts, std::vector<int>(10, 1));
  EXPECT_FALSE(workers.help());
}

}  // namespace
}  // namespace streamutils
