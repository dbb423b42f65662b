// SPDX-License-Identifier: Apache-2.0
// Event time, durations, and their text. Event time is int64 microseconds since the Unix epoch, UTC.
#pragma once
#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "lib/base/status.hpp"

namespace streamutils {

/// A length of time in microseconds.
struct Duration {
  int64_t us = 0;
  auto operator<=>(const Duration&) const = default;
};

/// A point in event time. `kBeforeAll` is "not known yet" for a watermark, `kAfterAll` the end of time.
struct EventTime {
  int64_t us = 0;
  auto operator<=>(const EventTime&) const = default;
};
inline constexpr EventTime kBeforeAll{std::numeric_limits<int64_t>::min()};
inline constexpr EventTime kAfterAll{std::numeric_limits<int64_t>::max()};

/// t + d and t - d, saturating at the ends of time. kBeforeAll and kAfterAll stay what they are.
constexpr EventTime add_saturating(EventTime t, Duration d) {
  if (t == kBeforeAll || t == kAfterAll) return t;
  int64_t sum = 0;
  if (__builtin_add_overflow(t.us, d.us, &sum)) return d.us > 0 ? kAfterAll : kBeforeAll;
  return EventTime{sum};
}
constexpr EventTime subtract_saturating(EventTime t, Duration d) {
  if (t == kBeforeAll || t == kAfterAll) return t;
  int64_t difference = 0;
  if (__builtin_sub_overflow(t.us, d.us, &difference)) return d.us < 0 ? kAfterAll : kBeforeAll;
  return EventTime{difference};
}
/// The largest multiple of `step` that is not above `us`. REQUIRES: step > 0. Saturates at the smallest int64.
constexpr int64_t floor_to(int64_t us, int64_t step) {
  const int64_t remainder = us % step;
  if (remainder >= 0) return us - remainder;
  int64_t floored = 0;
  if (__builtin_sub_overflow(us - remainder, step, &floored)) return std::numeric_limits<int64_t>::min();
  return floored;
}

/// "250us", "100ms", "10s", "1m", "1h30m", "1d", "1w"; a bare number is an error except 0. May be negative ("-8h").
/// On failure: a usage error that shows the accepted forms.
Result<Duration> parse_duration(std::string_view text);
/// The shortest text that parse_duration reads back: "1m30s", "0s".
std::string format_duration(Duration duration);

/// "512", "64KiB", "1MiB", "1GiB" (also kB, MB, GB as powers of 1000) to bytes.
Result<int64_t> parse_bytes(std::string_view text);

enum class TimeFormat : unsigned char { iso, s, ms, us };
/// Appends `time` as JSON: a quoted ISO 8601 text with as many fraction digits (0, 3 or 6) as it needs
/// ("2026-01-31T12:00:00Z"), or an integer in the unit, rounded towards the past.
void append_time_json(std::string& out, EventTime time, TimeFormat format);
/// ISO 8601 without quotes. Years below 0000 and above 9999 are written with a sign and six digits (RFC 3339 has no form).
std::string format_iso(EventTime time);

}  // namespace streamutils
