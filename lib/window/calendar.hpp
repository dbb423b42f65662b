// SPDX-License-Identifier: Apache-2.0
// Windows by the calendar of a time zone: hours, days, weeks that begin on Monday, months.
//
// A window begins when the clock first shows its beginning, and ends when it first shows that of the next one. So a day
// has 23, 24 or 25 hours; an hour that daylight saving skips has no window, and one that it repeats is one window that
// holds both (cases 49 and 50 of the semantics). What is repeated beyond a bound, as where clocks are set back by two
// hours, or at a minute past midnight, belongs to the window that had begun. Thread rule: immutable, but for a cache:
// one thread at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/status.hpp"
#include "lib/base/time.hpp"
#include "lib/window/interval.hpp"

namespace streamutils::window {

struct CalendarSpan {
  enum class Unit : uint8_t { hour, day, week, month };
  Unit unit = Unit::day;
  int count = 1;
  std::string zone = "UTC";  ///< as in the IANA database: "Europe/Berlin"

  /// "1day", "2weeks", "1month", "1year"; empty when `text` is none of these.
  static std::optional<CalendarSpan> parse(std::string_view text);
  /// What parse() reads back.
  [[nodiscard]] std::string text() const;
  /// How long it is, apart from daylight saving; a month counts 30 days.
  [[nodiscard]] Duration nominal() const;
};

class Calendar {
 public:
  /// Usage errors: a zone that nobody knows; a count below 1 or too large; hours that do not divide a day.
  static Result<Calendar> create(const CalendarSpan& span);
  ~Calendar();
  Calendar(Calendar&&) noexcept;
  Calendar& operator=(Calendar&&) noexcept;

  /// The earliest time that has a window, about the year -9976. The latest is in 9998.
  static constexpr int64_t kFirst = -377'000'000'000'000'000;
  /// The window that holds `time`; empty for times beyond those. Windows neither overlap nor leave gaps. Several of a
  /// unit are counted from 1970: days from the first of January, weeks from the fifth, months from January; hours from
  /// each midnight.
  [[nodiscard]] std::optional<Interval> window(int64_t time) const;

 private:
  struct Impl;
  explicit Calendar(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils::window
