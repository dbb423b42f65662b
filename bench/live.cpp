// SPDX-License-Identifier: Apache-2.0
// Produces events at a pace into one partition and looks for the results of their windows in Redis: how long it takes
// from the delivery report of the record that closes a window until its result can be read.
//
//   live BROKERS TOPIC SOCKET RATE SECONDS WINDOW_MS WARM_UP [KEY=VALUE...]
//
// Delays of the first WARM_UP seconds are left out: the broker's Java is being compiled. Event time is the clock, and
// never goes back. The results are expected as hashes live:WINDOW_START_MS with the field n. A last record, a minute
// ahead, closes all windows; it is not among those counted as produced. One line of JSON: what was produced, the
// moments of the monotonic clock at which the first was sent and the last delivered, percentiles in ms.
#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/generator.hpp"
#include "bench/ysb_event.hpp"

namespace {

using namespace streamutils::bench;

constexpr uint64_t kAds = 1000;
constexpr uint64_t kWatched = 7;
constexpr const char* kWatchedAd = "538453d7-52a0-4c4e-8f5a-000000000007";
constexpr double kResultTimeout = 30;

double seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}
double now() { return seconds_of(CLOCK_MONOTONIC); }

/// Windows whose closing record was delivered, and when.
struct Closings {
  std::mutex mutex;
  std::map<int64_t, double> delivered;  // by window start
  std::atomic<int64_t> acknowledged{0};
  std::atomic<bool> failed{false};
};

/// A record that closes a window carries the window's start as its opaque, all others none.
void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* closings = static_cast<Closings*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    closings->failed = true;
    return;
  }
  ++closings->acknowledged;
  if (message->_private == nullptr) return;
  const double at = now();
  const std::lock_guard lock(closings->mutex);
  closings->delivered.emplace(static_cast<int64_t>(reinterpret_cast<intptr_t>(message->_private)), at);
}

int fail(const char* what, const std::string& why) {
  std::fprintf(stderr, "live: cannot %s: %s\n", what, why.c_str());
  return 1;
}

bool readable(redisContext* redis, int64_t window_start) {
  auto* reply = static_cast<redisReply*>(
      redisCommand(redis, "HEXISTS live:%s:%lld n", kWatchedAd, static_cast<long long>(window_start)));
  const bool found = reply != nullptr && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
  if (reply != nullptr) freeReplyObject(reply);
  return found;
}

/// Asks for one window after the other, four times a millisecond, until `over` and none is left.
void watch(redisContext* redis, Closings& closings, std::atomic<bool>& over, double from,
           std::vector<double>& delays_ms, int64_t& lost) {
  int64_t last = 0;
  for (;;) {
    int64_t window = 0;
    double delivered = 0;
    {
      const std::lock_guard lock(closings.mutex);
      const auto next = closings.delivered.upper_bound(last);
      if (next != closings.delivered.end()) {
        window = next->first;
        delivered = next->second;
      }
    }
    if (window == 0) {
      if (over) return;
    } else if (readable(redis, window)) {
      if (delivered >= from) delays_ms.push_back((now() - delivered) * 1000);
      last = window;
      continue;
    } else if (now() - delivered > kResultTimeout) {
      ++lost;
      last = window;
    }
    usleep(250);
  }
}

double percentile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return -1;
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(q * static_cast<double>(sorted.size())))];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) return 2;
  const int64_t rate = number(argv[4]), seconds = number(argv[5]), window_ms = number(argv[6]);
  const int64_t warm_up = number(argv[7]);
  if (rate <= 0 || seconds <= 0 || window_ms <= 0) return 2;
  Closings closings;
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::vector<std::string> properties{"bootstrap.servers=" + std::string(argv[1]),
                                      "queue.buffering.max.messages=2000000"};
  properties.insert(properties.end(), argv + 8, argv + argc);
  for (const std::string& property : properties) {
    const size_t equals = property.find('=');
    if (equals == std::string::npos ||
        rd_kafka_conf_set(conf, property.substr(0, equals).c_str(), property.c_str() + equals + 1, error,
                          sizeof error) != RD_KAFKA_CONF_OK) {
      return fail("set a property", property);
    }
  }
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_opaque(conf, &closings);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (client == nullptr) return fail("make a producer", error);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client, argv[2], nullptr);
  redisContext* redis = redisConnectUnix(argv[3]);
  if (redis == nullptr || redis->err != 0) return fail("connect to redis", argv[3]);

  const double started = now();
  std::atomic<bool> over{false};
  std::vector<double> delays_ms;
  int64_t lost = 0;
  std::thread polls([&] {
    while (!over) rd_kafka_poll(client, 50);
  });
  std::thread watcher([&] { watch(redis, closings, over, started + static_cast<double>(warm_up), delays_ms, lost); });

  Random random{42};
  std::string event;
  int64_t produced = 0, newest_ms = 0, watched_window = -1;  // the last that has a record of the watched ad
  const auto send = [&](int64_t time_ms) {
    event.clear();
    const uint64_t a = random.next();
    const uint64_t ad = a % kAds;
    append_event(event, a, random, time_ms, ad);
    // The first record of a window closes the one before it. A result is looked for if there is to be one: the first
    // window, and one in which this process was held up, may be without the watched ad.
    const int64_t window = time_ms / window_ms * window_ms;
    const int64_t before = newest_ms / window_ms * window_ms;
    void* opaque = before < window && before == watched_window ? reinterpret_cast<void*>(before) : nullptr;
    newest_ms = time_ms;
    if (ad == kWatched) watched_window = window;
    while (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, event.data(), event.size() - 1, nullptr, 0, opaque) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) return false;
      usleep(1000);
    }
    return true;
  };
  while (produced < rate * seconds && !closings.failed) {
    const auto due = std::min(static_cast<int64_t>((now() - started) * static_cast<double>(rate)), rate * seconds);
    const auto time_ms = std::max(newest_ms, static_cast<int64_t>(seconds_of(CLOCK_REALTIME) * 1000));
    for (; produced < due; ++produced) {
      if (!send(time_ms)) return fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
    usleep(500);
  }
  const double sent = now();
  rd_kafka_flush(client, 120'000);
  const double delivered = now();
  if (!send(newest_ms + 60'000)) return fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
  rd_kafka_flush(client, 120'000);
  if (closings.failed || closings.acknowledged != produced + 1)
    return fail("produce", "some records were not delivered");
  over = true;
  polls.join();
  watcher.join();
  std::sort(delays_ms.begin(), delays_ms.end());
  std::printf(R"({"produced":%lld,"started":%.6f,"sent":%.6f,"delivered":%.6f,"windows":%zu,"lost":%lld,)"
              R"("p50":%.3f,"p99":%.3f,"max":%.3f})"
              "\n",
              static_cast<long long>(produced), started, sent, delivered, delays_ms.size(),
              static_cast<long long>(lost), percentile(delays_ms, 0.5), percentile(delays_ms, 0.99),
              delays_ms.empty() ? -1.0 : delays_ms.back());
  std::fflush(stdout);
  _exit(lost > 0 ? 1 : 0);
}
