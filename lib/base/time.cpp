// SPDX-License-Identifier: Apache-2.0
#include "lib/base/time.hpp"

#include <array>
#include <charconv>

namespace streamutils {
namespace {

struct Unit {
  std::string_view name;
  uint64_t size;
};
/// From large to small: parts of a duration come in this order, each at most once, which catches "1m5h" and "5m3m".
constexpr std::array<Unit, 7> kDurationUnits{{{"w", 604'800'000'000},
                                              {"d", 86'400'000'000},
                                              {"h", 3'600'000'000},
                                              {"m", 60'000'000},
                                              {"s", 1'000'000},
                                              {"ms", 1'000},
                                              {"us", 1}}};
constexpr std::array<Unit, 8> kByteUnits{{{"", 1},
                                          {"B", 1},
                                          {"KiB", 1 << 10},
                                          {"MiB", 1 << 20},
                                          {"GiB", 1 << 30},
                                          {"kB", 1'000},
                                          {"MB", 1'000'000},
                                          {"GB", 1'000'000'000}}};
constexpr uint64_t kMaxPositive = std::numeric_limits<int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digits at the front of `text`, taken off. False when there are none or they do not fit.
bool take_number(std::string_view& text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

/// The letters at the front of `text`, taken off.
std::string_view take_word(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && !is_digit(text[length])) ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

template <size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view word) {
  for (const Unit& unit : units) {
    if (unit.name == word) return &unit;
  }
  return nullptr;
}

/// The magnitude of a duration without its sign. False on any other text, or when it is above `limit`.
bool parse_magnitude(std::string_view text, uint64_t limit, uint64_t& us) {
  us = 0;
  if (text == "0") return true;
  const Unit* last = nullptr;
  while (!text.empty()) {
    uint64_t count = 0;
    if (!take_number(text, count)) return false;
    const Unit* unit = find_unit(kDurationUnits, take_word(text));
    if (unit == nullptr || (last != nullptr && unit <= last)) return false;
    uint64_t part = 0;
    if (__builtin_mul_overflow(count, unit->size, &part) || __builtin_add_overflow(us, part, &us)) return false;
    last = unit;
  }
  return last != nullptr && us <= limit;
}

struct Civil {
  int64_t year;
  unsigned month;
  unsigned day;
};

/// Days since 1970-01-01 to the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
Civil civil_from_days(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

char* write_digits(char* at, uint64_t value, int count) {
  for (int i = count - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return at + count;
}

char* write_year(char* at, int64_t year) {
  if (year >= 0 && year <= 9'999) return write_digits(at, static_cast<uint64_t>(year), 4);
  *at++ = year < 0 ? '-' : '+';
  return write_digits(at, static_cast<uint64_t>(year < 0 ? -year : year), 6);
}

constexpr size_t kIsoCapacity = 40;  // "-290308-12-21T19:59:05.224192Z" is the longest, 30

char* write_iso(char* at, EventTime time) {
  constexpr int64_t kDay = 86'400'000'000;
  int64_t days = time.us / kDay;
  int64_t rest = time.us % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  const auto in_day = static_cast<uint64_t>(rest);
  const Civil date = civil_from_days(days);
  at = write_year(at, date.year);
  *at++ = '-';
  at = write_digits(at, date.month, 2);
  *at++ = '-';
  at = write_digits(at, date.day, 2);
  *at++ = 'T';
  at = write_digits(at, in_day / 3'600'000'000, 2);
  *at++ = ':';
  at = write_digits(at, in_day / 60'000'000 % 60, 2);
  *at++ = ':';
  at = write_digits(at, in_day / 1'000'000 % 60, 2);
  if (const uint64_t fraction = in_day % 1'000'000; fraction != 0) {
    *at++ = '.';
    at = fraction % 1'000 == 0 ? write_digits(at, fraction / 1'000, 3) : write_digits(at, fraction, 6);
  }
  *at++ = 'Z';
  return at;
}

/// us / unit, rounded towards the past.
int64_t floor_divide(int64_t us, int64_t unit) { return us / unit - (us % unit < 0 ? 1 : 0); }

void append_integer(std::string& out, int64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  uint64_t us = 0;
  if (!parse_magnitude(text.substr(negative ? 1 : 0), kMaxPositive + (negative ? 1 : 0), us)) {
    return usage_error("bad duration '{}': use forms like 250us, 100ms, 10s, 1m, 1h30m, 1d, 1w (or 0)", text);
  }
  return Duration{static_cast<int64_t>(negative ? 0 - us : us)};
}

std::string format_duration(Duration duration) {
  if (duration.us == 0) return "0s";
  std::string out;
  auto rest = static_cast<uint64_t>(duration.us);
  if (duration.us < 0) {
    out += '-';
    rest = 0 - rest;
  }
  for (const Unit& unit : kDurationUnits) {
    if (rest < unit.size) continue;
    append_integer(out, static_cast<int64_t>(rest / unit.size));
    out += unit.name;
    rest %= unit.size;
  }
  return out;
}

Result<int64_t> parse_bytes(std::string_view text) {
  std::string_view rest = text;
  uint64_t count = 0;
  uint64_t bytes = 0;
  const bool read = take_number(rest, count);
  const Unit* unit = read ? find_unit(kByteUnits, rest) : nullptr;
  if (unit == nullptr || __builtin_mul_overflow(count, unit->size, &bytes) || bytes > kMaxPositive) {
    return usage_error("bad size '{}': use forms like 512, 64KiB, 1MiB, 1GiB, 10kB, 10MB, 1GB", text);
  }
  return static_cast<int64_t>(bytes);
}

void append_time_json(std::string& out, EventTime time, TimeFormat format) {
  switch (format) {
    case TimeFormat::iso: {
      char buffer[kIsoCapacity];
      buffer[0] = '"';
      char* end = write_iso(buffer + 1, time);
      *end++ = '"';
      out.append(buffer, end);
      return;
    }
    case TimeFormat::s:
      return append_integer(out, floor_divide(time.us, 1'000'000));
    case TimeFormat::ms:
      return append_integer(out, floor_divide(time.us, 1'000));
    case TimeFormat::us:
      return append_integer(out, time.us);
  }
}

std::string format_iso(EventTime time) {
  char buffer[kIsoCapacity];
  return {buffer, write_iso(buffer, time)};
}

}  // namespace streamutils
