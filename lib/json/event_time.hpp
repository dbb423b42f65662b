// SPDX-License-Identifier: Apache-2.0
// Reading an event time out of a JSON value.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "lib/base/time.hpp"
#include "lib/json/value.hpp"

namespace streamutils {

enum class TimeUnit : unsigned char { automatic, s, ms, us, ns, iso };

/// The unit's word: "auto", "s", "ms", "us", "ns", "iso".
std::string_view name(TimeUnit unit);
std::optional<TimeUnit> parse_time_unit(std::string_view word);

/// The event time in `value`. Numbers (also with a fraction or exponent, exact to the microsecond, rounded towards the
/// past), strings of digits with an optional sign, and ISO 8601 strings are read. `automatic` tells s/ms/us/ns apart
/// per record by fixed thresholds on the absolute value: below 1e11 s, below 1e14 ms, below 1e17 us, else ns; strings
/// that are not numbers are ISO 8601. A given unit other than `iso` takes numbers and digit strings only; `iso` ISO
/// 8601 strings only. Empty when it is no time, out of int64 microseconds, or the smallest int64 (reason `bad_time`).
std::optional<EventTime> read_event_time(const JsonValue& value, TimeUnit unit);

/// The same without the forms that are read in a quicker way.
std::optional<EventTime> read_any_event_time(const JsonValue& value, TimeUnit unit);

/// The event times in `first`, first[stride] and so on; kBeforeAll for what is no time.
void read_event_times(const JsonValue* first, size_t stride, TimeUnit unit, std::span<int64_t> times);

/// ISO 8601: YYYY-MM-DD, optionally T or a space and HH:MM[:SS[.fraction]], optionally Z, +HH:MM, +HHMM or +HH (no
/// zone: UTC); basic form YYYYMMDDTHHMMSS; signed years of six digits as format_iso writes them; a leap second 60 is
/// the next minute's 00. Digits past microseconds are cut off. Calendar rules are checked (no 30 February).
std::optional<EventTime> parse_iso(std::string_view text);

}  // namespace streamutils
