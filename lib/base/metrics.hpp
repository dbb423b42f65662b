// SPDX-License-Identifier: Apache-2.0
// Counters and gauges of one program, written as Prometheus text.
//
// Thread rule: everything may be called from any thread, except that a series must not be changed once it was removed.
#pragma once
#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace streamutils {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// One time series. Integer counters and gauges; seconds are held as doubles by Gauge::set_seconds.
class Metric {
 public:
  void add(int64_t n = 1) { value_.fetch_add(static_cast<double>(n), std::memory_order_relaxed); }
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Metrics {
 public:
  /// Finds or makes the series. `name` by Prometheus habit: stream_late_records_total, stream_lag_seconds.
  /// The reference lives as long as this object, or until remove().
  Metric& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Metric& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  /// Removes a series that no longer exists (a revoked partition).
  void remove(std::string_view name, const Labels& labels);
  /// The sum over the series of a name; 0 without any.
  [[nodiscard]] double total(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  /// The exposition text, with HELP and TYPE lines; `promtool check metrics` accepts it.
  [[nodiscard]] std::string prometheus_text() const;

 private:
  struct Series {
    Labels labels;
    Metric metric;
  };
  struct Family {
    std::string name, help;
    bool is_counter;
    std::list<Series> series;
  };
  Metric& find(std::string_view name, std::string_view help, const Labels& labels, bool is_counter);
  mutable std::mutex mutex_;  // for the lists; values are atomic
  std::list<Family> families_;
};

}  // namespace streamutils
