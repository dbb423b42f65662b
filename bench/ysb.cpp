// SPDX-License-Identifier: Apache-2.0
// Makes events like those of the Yahoo streaming benchmark, 254 bytes each with the newline: 1,000 ads, event types
// view, click and purchase in equal parts, event times as strings of epoch milliseconds, up to 5 s out of order.
//
//   ysb COUNT            10,000 events per second of event time from a fixed start; the same bytes at every run
//   ysb COUNT RATE       paced at RATE events per second of the clock, event time = now
//   ysb COUNT RATE KEYS  with KEYS ads (RATE 0: not paced; KEYS 0: every event has an ad of its own)
//   ysb COUNT RATE KEYS number    the event time as a number
#include <string>
#include <thread>

#include "bench/generator.hpp"
#include "bench/ysb_event.hpp"
#include "lib/base/clock.hpp"

namespace {

using namespace streamutils::bench;
using streamutils::SystemClock;

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kEventsPerSecond = 10'000;
constexpr int64_t kDisorderMs = 5'000;

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int64_t count = number(argv[1]);
  const int64_t rate = argc > 2 ? number(argv[2]) : 0;
  const int64_t ads = argc > 3 ? number(argv[3]) : 1000;
  const bool numeric = argc > 4 && std::strcmp(argv[4], "number") == 0;
  const SystemClock clock;
  const auto start = clock.mono();
  Random random{42};
  std::string out;
  for (int64_t i = 0; i < count; ++i) {
    if (rate > 0 && i % (rate / 200 + 1) == 0) {
      if (!write_all(out)) return 1;
      const int64_t due_us = i * 1'000'000 / rate;
      const int64_t ahead = due_us - (clock.mono() - start).us;
      if (ahead > 0) std::this_thread::sleep_for(std::chrono::microseconds(ahead));
    }
    const int64_t base = rate > 0 ? clock.wall().us / 1000 : kStartMs + i * 1000 / kEventsPerSecond;
    const int64_t disorder = rate > 0 ? 0 : static_cast<int64_t>(random.next() % kDisorderMs);
    const uint64_t a = random.next();
    append_event(out, a, random, base - disorder, ads > 0 ? a % static_cast<uint64_t>(ads) : static_cast<uint64_t>(i),
                 numeric);
    if (out.size() > 256 << 10 && !write_all(out)) return 1;
  }
  return write_all(out) ? 0 : 1;
}
