// SPDX-License-Identifier: Apache-2.0
// The only place that includes the time zone library.
#include "lib/window/calendar.hpp"

#include <date/tz.h>

#include <array>
#include <charconv>
#include <tuple>

namespace streamutils::window {

namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using LocalTime = date::local_time<microseconds>;
using Unit = CalendarSpan::Unit;

constexpr int kMaxCount = 10'000;
// Far enough inside of what the library and 64-bit microseconds can hold, as is kFirst.
constexpr int64_t kLast = 253'370'000'000'000'000;

struct Name {
  std::string_view name;
  Unit unit;
  int count;
};
constexpr std::array<Name, 5> kNames{{{"hour", Unit::hour, 1},
                                      {"day", Unit::day, 1},
                                      {"week", Unit::week, 1},
                                      {"month", Unit::month, 1},
                                      {"year", Unit::month, 12}}};

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// The local times between which the window that holds `local` lies.
std::pair<LocalTime, LocalTime> bounds(LocalTime local, const CalendarSpan& span) {
  const date::local_days day = date::floor<date::days>(local);
  const int64_t n = span.count;
  switch (span.unit) {
    case Unit::hour: {
      const auto hour = date::floor<hours>(local - day).count() / n * n;
      return {day + hours(hour), day + hours(hour + n)};
    }
    case Unit::day: {
      const int64_t first = floor_div(day.time_since_epoch().count(), n) * n;
      const auto begin = date::local_days(date::days(first));
      return {begin, begin + date::days(n)};
    }
    case Unit::week: {
      constexpr int64_t kMonday = 4;  // 1970-01-05
      const int64_t first = floor_div(day.time_since_epoch().count() - kMonday, 7 * n) * 7 * n + kMonday;
      const auto begin = date::local_days(date::days(first));
      return {begin, begin + date::days(7 * n)};
    }
    case Unit::month:
      break;
  }
  const date::year_month_day ymd(day);
  const int64_t months = (int64_t{int(ymd.year())} - 1970) * 12 + unsigned(ymd.month()) - 1;
  const int64_t first = floor_div(months, n) * n;
  const date::year_month origin = date::year(1970) / 1;
  return {date::local_days((origin + date::months(first)) / 1),
          date::local_days((origin + date::months(first + n)) / 1)};
}

}  // namespace

std::optional<CalendarSpan> CalendarSpan::parse(std::string_view text) {
  CalendarSpan span;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, span.count);
  if (error != std::errc()) return std::nullopt;
  std::string_view word(end, static_cast<size_t>(last - end));
  if (word.ends_with('s')) word.remove_suffix(1);
  for (const Name& name : kNames) {
    if (word != name.name) continue;
    span.unit = name.unit;
    if (name.count > 1 && span.count > kMaxCount) return std::nullopt;
    span.count *= name.count;
    return span;
  }
  return std::nullopt;
}

std::string CalendarSpan::text() const {
  for (const Name& name : kNames) {
    if (name.unit == unit) return fmt::format("{}{}{}", count, name.name, count == 1 ? "" : "s");
  }
  return {};
}

Duration CalendarSpan::nominal() const {
  constexpr int64_t kHours[] = {1, 24, 7 * 24, 30 * 24};
  return Duration{kHours[static_cast<size_t>(unit)] * 3'600'000'000 * count};
}

struct Calendar::Impl {
  CalendarSpan span;
  const date::time_zone* zone = nullptr;
  std::optional<Interval> last;  // records of one window mostly come together
};

Calendar::Calendar(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Calendar::~Calendar() = default;
Calendar::Calendar(Calendar&&) noexcept = default;
Calendar& Calendar::operator=(Calendar&&) noexcept = default;

Result<Calendar> Calendar::create(const CalendarSpan& span) {
  if (span.count < 1 || span.count > kMaxCount) {
    return usage_error("--tumbling: '{}': give a number from 1 to {}", span.text(), kMaxCount);
  }
  if (span.unit == Unit::hour && 24 % span.count != 0) {
    return usage_error("--tumbling: '{}' does not divide a day: hours of a calendar are 1, 2, 3, 4, 6, 8 or 12",
                       span.text());
  }
  auto impl = std::make_unique<Impl>(Impl{span, nullptr, std::nullopt});
  try {
    impl->zone = date::locate_zone(span.zone);
  } catch (const std::exception&) {
    return usage_error("--tz: there is no time zone '{}' (/usr/share/zoneinfo has them, from the package tzdata)",
                       span.zone);
  }
  return Calendar(std::move(impl));
}

std::optional<Interval> Calendar::window(int64_t time) const {
  auto& last = impl_->last;
  if (last && last->start <= time && time < last->end) return last;
  if (time < kFirst || time >= kLast) return std::nullopt;
  // The first instant at which the clock shows so much: one that is there twice begins with the first, one that is
  // skipped is where the clock jumps.
  const auto instant = [&](LocalTime at) {
    return impl_->zone->to_sys(at, date::choose::earliest).time_since_epoch().count();
  };
  const auto local = impl_->zone->to_local(date::sys_time<microseconds>(microseconds(time)));
  auto [from, to] = bounds(local, impl_->span);
  // A clock that was set back shows local times again whose windows are over: those belong to the last that has begun.
  while (instant(to) <= time) std::tie(from, to) = bounds(to, impl_->span);
  last = Interval{instant(from), instant(to)};
  return last;
}

}  // namespace streamutils::window
