// SPDX-License-Identifier: Apache-2.0
// What a WindowOperator counts: for the metrics file, and for the line at exit.
#pragma once
#include <cstdint>
#include <string>

#include "lib/base/log.hpp"
#include "lib/base/metrics.hpp"
#include "lib/window/window_operator.hpp"

namespace streamutils::window {

struct WindowOperator::Figures {
  explicit Figures(Metrics& metrics)
      : late_total(metrics.counter("stream_late_records_total", "Records whose windows were all gone")),
        invalid_total(metrics.counter("stream_invalid_records_total", "Records that could not be windowed")),
        unassigned_total(metrics.counter("stream_unassigned_records_total", "Records that fell between two windows")),
        dropped_total(metrics.counter("stream_filtered_records_total", "Records that --where dropped")),
        results_total(metrics.counter("stream_results_total", "Results and withdrawals written")),
        keys(metrics.gauge("stream_keys", "Keys held: with open windows, or remembered")),
        open(metrics.gauge("stream_open_windows", "Accumulators held: one per key and slice, or per session")) {}

  void update(int64_t keys_held, int64_t rows_held, uint64_t results) {
    late_total.set(static_cast<double>(late));
    invalid_total.set(static_cast<double>(invalid));
    unassigned_total.set(static_cast<double>(unassigned));
    dropped_total.set(static_cast<double>(dropped));
    results_total.set(static_cast<double>(results));
    keys.set(static_cast<double>(keys_held));
    open.set(static_cast<double>(rows_held));
  }

  /// One line when records did not get into a window; silence when all did.
  void say(Log& log) const {
    std::string text;
    const auto add = [&text](uint64_t count, std::string_view what) {
      if (count == 0) return;
      if (!text.empty()) text += ", ";
      text += fmt::format("{} {}", count, what);
    };
    add(late, "late");
    add(invalid, "invalid");
    add(unassigned, "between two windows");
    if (!text.empty()) log.info("records that are in no window: {}", text);
  }

  uint64_t late = 0, invalid = 0, unassigned = 0, dropped = 0;
  Metric &late_total, &invalid_total, &unassigned_total, &dropped_total, &results_total, &keys, &open;
};

}  // namespace streamutils::window
