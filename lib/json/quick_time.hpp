// SPDX-License-Identifier: Apache-2.0
// Event times in the forms that nearly all of them have, without a loop: digits of a plain size, and ISO 8601 in UTC as
// programs write it. Whatever deviates is left to the general reading, which says the same of these.
#pragma once
#include <limits>

#include "lib/json/civil.hpp"
#include "lib/json/digits.hpp"
#include "lib/json/event_time.hpp"

namespace streamutils::quick_time {

/// Where `automatic` changes from one unit to the next: seconds reach the year 5138, the others begin in 1973.
inline constexpr uint64_t kFirstMs = 100'000'000'000;
inline constexpr uint64_t kFirstUs = 100'000'000'000'000;
inline constexpr uint64_t kFirstNs = 100'000'000'000'000'000;

/// Not one of these forms. No event time is this.
inline constexpr int64_t kUnread = std::numeric_limits<int64_t>::min();

/// 9 to 16 digits and nothing else.
inline bool read_digits(const char* text, size_t size, uint64_t& number) {
  const size_t rest = size - 8;
  const size_t read_before = 8 * (8 - rest);  // bits of the last eight
  const uint64_t first = load_word(text) ^ kZeroDigits;
  const uint64_t last = (load_word(text + rest) ^ kZeroDigits) >> read_before << read_before;
  number = number_of_eight(first) * kPowersOfTen[rest] + number_of_eight(last);
  return (beyond_nine(first) | beyond_nine(last)) == 0;
}

inline int64_t of_digits(const char* text, size_t size, TimeUnit unit) {
  // So many digits fit into int64 microseconds.
  static constexpr std::array<size_t, 6> kMost{16, 12, 15, 16, 0, 0};
  uint64_t number = 0;
  if (size > kMost[static_cast<size_t>(unit)] || !read_digits(text, size, number)) return kUnread;
  uint64_t scale = unit == TimeUnit::s ? 1'000'000 : unit == TimeUnit::ms ? 1'000 : 1;
  if (unit == TimeUnit::automatic) scale = number < kFirstMs ? 1'000'000 : number < kFirstUs ? 1'000 : 1;
  return static_cast<int64_t>(number * scale);
}

/// Nanoseconds: 17 to 19 digits.
inline int64_t of_long_digits(const char* text, size_t size, TimeUnit unit) {
  const uint64_t first = load_word(text) ^ kZeroDigits;
  uint64_t rest = 0;
  if (beyond_nine(first) != 0 || !read_digits(text + 8, size - 8, rest)) return kUnread;
  const uint64_t number = number_of_eight(first) * kPowersOfTen[size - 8] + rest;
  if (unit != TimeUnit::ns && (unit != TimeUnit::automatic || number < kFirstNs)) return kUnread;
  return static_cast<int64_t>(number / 1'000);
}

/// Values of the digits in a word of text, where `form` has zeros for them and stands for itself elsewhere: a bit of
/// `wrong` is set when the text is not of that form.
struct Form {
  uint64_t form = 0, others = 0;
  constexpr explicit Form(const char* text) {
    for (size_t i = 0; i < 8; ++i) {
      form |= uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
      if (text[i] != '0') others |= uint64_t{0xFF} << (8 * i);
    }
  }
  uint64_t values(uint64_t word, uint64_t& wrong) const {
    const uint64_t values = word ^ form;
    wrong |= beyond_nine(values) | (values & others);
    return values;
  }
};

/// The number of the two digits from byte `at` on.
constexpr int64_t pair(uint64_t values, int at) {
  return static_cast<int64_t>(((values * 10) + (values >> 8)) >> (8 * at) & 0xFF);
}

/// YYYY-MM-DDTHH:MM:SSZ, and with three or six digits behind a point before the Z.
inline int64_t of_iso(const char* text, size_t size) {
  constexpr Form kDate("0000-00-"), kHours("00T00:00"), kSeconds("00:00:00"), kMs(":00.000Z"), kUs(".000000Z");
  uint64_t wrong = 0;
  int64_t fraction = 0;
  const uint64_t date = kDate.values(load_word(text), wrong);
  const uint64_t hours = kHours.values(load_word(text + 8), wrong);
  const uint64_t seconds = kSeconds.values(load_word(text + 11), wrong);
  if (size == 24) {
    const uint64_t values = kMs.values(load_word(text + 16), wrong);
    fraction = (pair(values, 4) * 10 + static_cast<int64_t>(values >> 48 & 0xFF)) * 1'000;
  } else if (size == 27) {
    if (text[19] != '.') return kUnread;
    const uint64_t values = kUs.values(load_word(text + 19), wrong);
    fraction = (pair(values, 1) * 100 + pair(values, 3)) * 100 + pair(values, 5);
  } else if (text[19] != 'Z') {
    return kUnread;
  }
  if (wrong != 0) return kUnread;
  const int64_t year = pair(date, 0) * 100 + pair(date, 2), month = pair(date, 5), day = pair(hours, 0);
  const int64_t hour = pair(hours, 3), minute = pair(hours, 6), second = pair(seconds, 6);
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return kUnread;
  if (hour > 23 || minute > 59 || second > 59) return kUnread;
  const int64_t days = days_from_civil(year, month, day);
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000 + fraction;
}

/// The time in a value, or kUnread.
[[gnu::always_inline]] inline int64_t read(const JsonValue& value, TimeUnit unit) {
  const bool is_string = value.type == JsonType::string;
  if (!is_string && value.type != JsonType::number) return kUnread;
  if (value.escaped) return kUnread;
  const char* const text = value.raw.data() + (is_string ? 1 : 0);
  const size_t size = value.raw.size() - (is_string ? 2 : 0);
  if (size - 9 <= 16 - 9) return of_digits(text, size, unit);
  if (size - 17 <= 19 - 17) return of_long_digits(text, size, unit);
  const bool may_be_iso = is_string && (unit == TimeUnit::automatic || unit == TimeUnit::iso);
  return may_be_iso && (size == 20 || size == 24 || size == 27) ? of_iso(text, size) : kUnread;
}

}  // namespace streamutils::quick_time
