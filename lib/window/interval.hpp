// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <compare>
#include <cstdint>
#include <limits>

namespace streamutils::window {

/// [start, end) in microseconds of event time.
struct Interval {
  int64_t start = 0;
  int64_t end = 0;
  auto operator<=>(const Interval&) const = default;
};

/// The bounds of a window that has none.
inline constexpr Interval kAllTime{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};

}  // namespace streamutils::window
