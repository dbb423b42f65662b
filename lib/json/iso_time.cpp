// SPDX-License-Identifier: Apache-2.0
#include "lib/json/civil.hpp"
#include "lib/json/event_time.hpp"
#include "lib/json/token.hpp"

namespace streamutils {
namespace {

constexpr int64_t kSecond = 1'000'000;

/// What is still to be read of the text.
struct Cursor {
  const char* at;
  const char* end;

  [[nodiscard]] bool done() const { return at == end; }
  [[nodiscard]] bool sees(char c) const { return at != end && *at == c; }
  [[nodiscard]] bool sees_digit() const { return at != end && is_json_digit(*at); }
  bool take(char c) {
    if (!sees(c)) return false;
    ++at;
    return true;
  }
  /// Exactly kCount digits; unrolled, and one test for all of them.
  template <int kCount>
  bool take_number(int64_t& number) {
    if (end - at < kCount) return false;
    uint32_t value = 0;
    bool digits = true;
#pragma GCC unroll 6
    for (int i = 0; i < kCount; ++i) {
      const auto digit = static_cast<uint32_t>(static_cast<unsigned char>(at[i])) - '0';
      digits &= digit <= 9;
      value = value * 10 + digit;
    }
    at += kCount;
    number = value;
    return digits;
  }
};

/// The days of the date at the front; `extended` tells YYYY-MM-DD from YYYYMMDD.
bool take_date(Cursor& text, int64_t& days, bool& extended) {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  const bool negative = text.sees('-');
  const bool is_signed = text.take('-') || text.take('+');
  const bool read = is_signed ? text.take_number<6>(year) : text.take_number<4>(year);
  if (!read) return false;
  if (negative) year = -year;
  extended = text.take('-');
  if (is_signed && !extended) return false;
  if (!text.take_number<2>(month) || (extended && !text.take('-')) || !text.take_number<2>(day)) return false;
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
  days = days_from_civil(year, month, day);
  return true;
}

/// The digits after the point as microseconds, digits beyond them cut off.
bool take_fraction(Cursor& text, int64_t& us) {
  if (!text.sees_digit()) return false;
  for (int64_t unit = kSecond / 10; text.sees_digit(); unit /= 10) us += (*text.at++ - '0') * unit;
  return true;
}

/// HH:MM[:SS[.fraction]] or HHMM[SS[.fraction]] as microseconds.
bool take_clock(Cursor& text, bool extended, int64_t& us) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  if (!text.take_number<2>(hour) || (extended && !text.take(':')) || !text.take_number<2>(minute)) return false;
  int64_t fraction = 0;
  if (extended ? text.take(':') : text.sees_digit()) {
    if (!text.take_number<2>(second)) return false;
    if ((text.take('.') || text.take(',')) && !take_fraction(text, fraction)) return false;
  }
  if (hour > 23 || minute > 59 || second > 60) return false;
  us = ((hour * 60 + minute) * 60 + second) * kSecond + fraction;  // a leap second is the next minute's first
  return true;
}

/// Nothing, Z, +HH, +HHMM or +HH:MM as microseconds east of UTC.
bool take_zone(Cursor& text, int64_t& us) {
  us = 0;
  if (text.done() || text.take('Z')) return true;
  const bool west = text.sees('-');
  int64_t hours = 0;
  int64_t minutes = 0;
  if (!text.take('-') && !text.take('+')) return false;
  if (!text.take_number<2>(hours)) return false;
  if ((text.take(':') || text.sees_digit()) && !text.take_number<2>(minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  us = (west ? -1 : 1) * (hours * 60 + minutes) * 60 * kSecond;
  return true;
}

}  // namespace

std::optional<EventTime> parse_iso(std::string_view iso) {
  Cursor text{iso.data(), iso.data() + iso.size()};
  int64_t days = 0;
  int64_t clock = 0;
  int64_t zone = 0;
  bool extended = true;
  if (!take_date(text, days, extended)) return std::nullopt;
  if (text.take('T') || (extended && text.take(' '))) {
    if (!take_clock(text, extended, clock)) return std::nullopt;
  } else if (!extended) {
    return std::nullopt;
  }
  if (!take_zone(text, zone) || !text.done()) return std::nullopt;
  // Within one day of the ends of time the product alone may overflow although the sum does not.
  const __int128 us = static_cast<__int128>(days) * 86'400 * kSecond + clock - zone;
  if (us != static_cast<int64_t>(us)) return std::nullopt;
  return EventTime{static_cast<int64_t>(us)};
}

}  // namespace streamutils
