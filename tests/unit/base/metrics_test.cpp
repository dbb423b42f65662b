// SPDX-License-Identifier: Apache-2.0
#include "lib/base/metrics.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace streamutils {
namespace {

TEST(Metrics, TextHasFamiliesInOrderAndEscapedLabels) {
  Metrics metrics;
  metrics.counter("a_total", "As.", {{"x", "1\"\n\\"}}).add(2);
  metrics.gauge("b", "Bs.").set(0.5);
  metrics.gauge("gone", "Gone.", {{"x", "1"}});
  metrics.remove("gone", {{"x", "1"}});
  EXPECT_EQ(metrics.prometheus_text(),
            "# HELP a_total As.\n# TYPE a_total counter\na_total{x=\"1\\\"\\n\\\\\"} 2\n"
            "# HELP b Bs.\n# TYPE b gauge\nb 0.5\n");
}

// Without the lock this reads freed memory: the address sanitizer, or a crash, tells.
TEST(Metrics, SeriesMayComeAndGoWhileTheTextIsMade) {
  Metrics metrics;
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) EXPECT_GE(metrics.prometheus_text().size(), metrics.has("always") ? 1U : 0U);
  });
  metrics.gauge("always", "Stays.");
  for (int i = 0; i < 20'000; ++i) {
    const Labels labels{{"partition", std::to_string(i % 7)}};
    metrics.gauge("lag", "Lag.", labels).set(i);
    metrics.remove("lag", labels);
  }
  done = true;
  reader.join();
  EXPECT_EQ(metrics.total("lag"), 0);
}

}  // namespace
}  // namespace streamutils
