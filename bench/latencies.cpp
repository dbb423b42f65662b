// SPDX-License-Identifier: Apache-2.0
// Makes records of requests, the same bytes at every run: 200 services, latencies of a long tail (exponential times a
// factor of the service, one in a hundred twenty times as long) in milliseconds with three decimals, users of 100,000,
// 10,000 records per second of event time, up to 2 s out of order.
//
//   latencies COUNT
#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string>

#include "bench/generator.hpp"

int main(int argc, char** argv) {
  using namespace streamutils::bench;
  if (argc < 2) return 2;
  constexpr int64_t kStartMs = 1'700'000'000'000;
  const int64_t count = number(argv[1]);
  Random random{7};
  std::string out;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t draw = random.next();
    const uint64_t service = draw % 200;
    double latency = -std::log(1 - random.fraction()) * (5.0 + static_cast<double>(service));
    if ((draw >> 32) % 100 == 0) latency *= 20;
    const int64_t time_ms = kStartMs + i / 10 - static_cast<int64_t>(random.next() % 2'000);
    fmt::format_to(std::back_inserter(out),
                   R"({{"time":{},"service":"service-{:03}","user_id":"user-{:06}","path":"/api/v1/items","status":{},)"
                   R"("latency_ms":{:.3f}}})"
                   "\n",
                   time_ms, service, random.next() % 100'000, (draw >> 40) % 50 == 0 ? 500 : 200, latency + 0.001);
    if (out.size() > 256 << 10 && !write_all(out)) return 1;
  }
  return write_all(out) ? 0 : 1;
}
