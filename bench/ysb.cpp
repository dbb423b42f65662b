// SPDX-License-Identifier: Apache-2.0
// Makes events like those of the Yahoo streaming benchmark, 254 bytes each with the newline: 1,000 ads, event types view,
// click and purchase in equal parts, event times as strings of epoch milliseconds, up to 5 s out of order.
//
//   ysb COUNT            10,000 events per second of event time from a fixed start; the same bytes at every run
//   ysb COUNT RATE       paced at RATE events per second of the clock, event time = now
//   ysb COUNT RATE KEYS  with KEYS ads (RATE 0: not paced)
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "lib/base/clock.hpp"

namespace {

using streamutils::SystemClock;

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kEventsPerSecond = 10'000;
constexpr int64_t kDisorderMs = 5'000;

int64_t number(const char* text) {
  int64_t value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

bool write_all(std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data() + done, bytes.size() - done);
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  bytes.clear();
  return true;
}

/// Splitmix64: the same numbers on every machine.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
};

void append_event(std::string& out, Random& random, int64_t time_ms, int64_t ads) {
  static constexpr const char* kTypes[] = {"view", "click", "purchase"};
  static constexpr const char* kAdTypes[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
  const uint64_t a = random.next(), b = random.next(), c = random.next();
  const uint64_t ad = a % static_cast<uint64_t>(ads);
  const size_t start = out.size();
  fmt::format_to(std::back_inserter(out),
                 R"({{"user_id":"{:08x}-1cf2-4d2c-a1b5-{:012x}","page_id":"{:08x}-77b2-4f4c-9e3d-{:012x}",)"
                 R"("ad_id":"{:08x}-52a0-4c4e-8f5a-{:012x}","ad_type":"{}","event_type":"{}",)"
                 R"("event_time":"{}","ip_address":"1.2.3.4"}})",
                 b & 0xffffffff, b >> 32, c & 0xffffffff, c >> 32, ad * 2654435761U & 0xffffffff, ad,
                 kAdTypes[(a >> 32) % 5], kTypes[(a >> 40) % 3], time_ms);
  // Spaces before the closing brace make every event 253 bytes and a newline.
  const size_t size = out.size() - start;
  if (size < 253) out.insert(out.size() - 1, 253 - size, ' ');
  out += '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int64_t count = number(argv[1]);
  const int64_t rate = argc > 2 ? number(argv[2]) : 0;
  const int64_t ads = argc > 3 ? number(argv[3]) : 1000;
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
    append_event(out, random, base - disorder, ads);
    if (out.size() > 256 << 10 && !write_all(out)) return 1;
  }
  return write_all(out) ? 0 : 1;
}
