// SPDX-License-Identifier: Apache-2.0
// Heavy aggregates that other threads compute meanwhile: results, side records and saved states are the same bytes.
#include <atomic>
#include <random>
#include <thread>

#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {
namespace {

class DeferredTest : public OperatorTest {
 protected:
  /// What comes out, and what is saved after each watermark, with so many threads.
  Lines run(const WindowSettings& settings, size_t threads) {
    Workers workers;
    workers.set_threads(threads, nullptr);
    std::atomic<bool> stopping = false;
    std::vector<std::thread> helpers;
    for (size_t i = 1; i < threads; ++i) {
      helpers.emplace_back([&] {
        while (!stopping) {
          if (!workers.help()) std::this_thread::yield();
        }
      });
    }
    context_.workers = &workers;
    Lines lines = run(settings);
    op_.reset();
    stopping = true;
    for (std::thread& helper : helpers) helper.join();
    return lines;
  }

 private:
  Lines run(const WindowSettings& settings) {
    make(settings);
    std::mt19937_64 random(5);
    int64_t now = 100;
    Lines lines;
    for (int round = 0; round < 16; ++round) {
      for (int batch = 0; batch < 3; ++batch) {
        builder_.clear(Units::kStream);
        for (uint64_t n = 200 + random() % 2000; n > 0; --n) builder_.append(next(random, now));
        EXPECT_TRUE(op_->on_records(builder_.batch(), out_).ok());
      }
      if (round % 4 == 3) {
        clock_.advance(Duration{2 * kSecond});
        EXPECT_TRUE(op_->on_deadline(out_).ok());
      }
      if (round % 5 == 4) {
        StateWriter state;
        EXPECT_TRUE(op_->snapshot(state).ok());
        out_.lines.push_back(state.take());
      }
      now += static_cast<int64_t>(random() % 8);
      watermark(now - 5);
    }
    StateWriter state;
    EXPECT_TRUE(op_->snapshot(state).ok());
    out_.lines.push_back(state.take());
    end();
    return take();
  }

  static std::string next(std::mt19937_64& random, int64_t now) {
    const int64_t time = now - 12 + static_cast<int64_t>(random() % 20);  // some late, some gone
    const uint64_t key = random() % 60;
    const uint64_t user = random() % (key < 3 ? 5000 : 300);  // some beyond what is counted exactly
    switch (random() % 20) {
      case 0:
        return fmt::format(R"({{"t":{},"k":{},"v":"no number"}})", time, key);
      case 1:
        return fmt::format(R"({{"t":{},"k":{},"v":null,"u":{}}})", time, key, user);
      default:
        return fmt::format(R"({{"t":{},"k":{},"u":"{}","v":{}.{}}})", time, key, user, user * user % 997, key);
    }
  }
};

TEST_F(DeferredTest, SameBytesForAnyNumberOfThreads) {
  std::vector<WindowSettings> all;
  WindowSettings settings = plain_settings();
  settings.aggregates =
      "n=count(), s=sum(v), p=p90(v), m=p10(v) where v > 200, d=distinct(u), both=distinct(u, v), top=topk(u, 3)";
  all.push_back(settings);
  settings.allowed_lateness = Duration{3 * kSecond};
  all.push_back(settings);
  settings.early = Duration{kSecond};
  all.push_back(settings);
  settings.slide = Duration{2 * kSecond};
  all.push_back(settings);
  settings = all[1];
  settings.max_keys = 40;
  all.push_back(settings);
  settings = all[0];
  settings.kind = WindowKind::session;
  settings.time_format = TimeFormat::us;
  settings.size = settings.slide = Duration{2 * kSecond};
  all.push_back(settings);
  for (size_t i = 0; i < all.size(); ++i) {
    const Lines one = run(all[i], 1);
    EXPECT_GT(one.size(), 300U) << i;
    EXPECT_TRUE(run(all[i], 2) == one) << i;
    EXPECT_TRUE(run(all[i], 3) == one) << i;
  }
}

}  // namespace
}  // namespace streamutils::window
