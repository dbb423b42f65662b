// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <compare>
#include <cstdint>

namespace streamutils::window {

/// [start, end) in microseconds of event time.
struct Interval {
  int64_t start = 0;
  int64_t end = 0;
  auto operator<=>(const Interval&) const = default;
};

}  // namespace streamutils::window
