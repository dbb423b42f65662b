// SPDX-License-Identifier: Apache-2.0
#include "lib/json/event_time.hpp"

#include <array>
#include <limits>
#include <string>

#include "lib/json/decimal.hpp"
#include "lib/json/digits.hpp"
#include "lib/json/quick_time.hpp"
#include "lib/json/text.hpp"
#include "lib/json/token.hpp"

namespace streamutils {
namespace {

constexpr std::array<std::string_view, 6> kUnitNames{"auto", "s", "ms", "us", "ns", "iso"};

using quick_time::kFirstMs, quick_time::kFirstNs, quick_time::kFirstUs;

/// +-digits / 10^fraction_digits
struct Number {
  bool negative = false;
  uint64_t digits = 0;
  int fraction_digits = 0;
};

/// The power of ten that makes microseconds of a number in `unit`.
int scale_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::s:
      return 6;
    case TimeUnit::ms:
      return 3;
    case TimeUnit::ns:
      return -3;
    default:
      return 0;
  }
}

TimeUnit unit_of_size(uint64_t whole) {
  if (whole < kFirstMs) return TimeUnit::s;
  if (whole < kFirstUs) return TimeUnit::ms;
  return whole < kFirstNs ? TimeUnit::us : TimeUnit::ns;
}

/// floor(+-magnitude / divisor)
__int128 floor_signed(bool negative, uint64_t magnitude, uint64_t divisor) {
  const auto whole = static_cast<__int128>(magnitude / divisor);
  if (!negative) return whole;
  return -whole - (magnitude % divisor != 0 ? 1 : 0);
}

std::optional<EventTime> to_time(const Number& number, TimeUnit unit) {
  if (unit == TimeUnit::automatic) {
    const auto fraction = static_cast<size_t>(number.fraction_digits);
    unit = unit_of_size(fraction == 0 ? number.digits : number.digits / kPowersOfTen[fraction]);
  }
  const int scale = scale_of(unit) - number.fraction_digits;
  __int128 us = 0;
  if (scale >= 0) {
    us = static_cast<__int128>(number.digits) * kPowersOfTen[static_cast<size_t>(scale)];
    if (number.negative) us = -us;
  } else if (static_cast<size_t>(-scale) <= kMostDigits) {
    us = floor_signed(number.negative, number.digits, kPowersOfTen[static_cast<size_t>(-scale)]);
  } else {  // fewer digits than are shifted out
    us = number.negative && number.digits != 0 ? -1 : 0;
  }
  // The smallest int64 is the watermark's "not known yet".
  if (us <= std::numeric_limits<int64_t>::min() || us > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return EventTime{static_cast<int64_t>(us)};
}

/// True when `text` is digits only, at least one and at most 19.
bool read_digits(std::string_view text, uint64_t& number) {
  if (text.empty() || text.size() > kMostDigits) return false;
  uint64_t value = 0;
  if (text.size() < 8) {
    for (const char c : text) {
      if (!is_json_digit(c)) return false;
      value = value * 10 + static_cast<uint64_t>(c - '0');
    }
    number = value;
    return true;
  }
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    const uint64_t values = load_word(text.data() + at) ^ kZeroDigits;
    if (beyond_nine(values) != 0) return false;
    value = value * 100'000'000 + number_of_eight(values);
  }
  if (const size_t rest = text.size() - at; rest != 0) {
    const size_t read_before = 8 * (8 - rest);  // bits of the last eight
    const uint64_t last = load_word(text.data() + text.size() - 8) ^ kZeroDigits;
    const uint64_t values = last >> read_before << read_before;
    if (beyond_nine(values) != 0) return false;
    value = value * kPowersOfTen[rest] + number_of_eight(values);
  }
  number = value;
  return true;
}

const char* take_digits(const char* at, const char* end, uint64_t& digits) {
  for (; at != end && is_json_digit(*at); ++at) digits = digits * 10 + static_cast<uint64_t>(*at - '0');
  return at;
}

/// Reads "-12.5"; false when there is an exponent, or too many digits. REQUIRES: a JSON number.
bool read_short(std::string_view text, Number& number) {
  number.negative = text[0] == '-';
  if (number.negative) text.remove_prefix(1);
  if (read_digits(text, number.digits)) return true;
  if (text.size() > kMostDigits + 1) return false;
  const char* const end = text.data() + text.size();
  const char* at = take_digits(text.data(), end, number.digits);
  if (at == end || *at != '.') return false;
  const char* const fraction = at + 1;
  at = take_digits(fraction, end, number.digits);
  number.fraction_digits = static_cast<int>(at - fraction);
  return at == end;
}

/// Numbers that read_short does not take: exponents, and more digits than an int64 holds.
std::optional<EventTime> read_long(std::string_view text, TimeUnit unit) {
  const std::optional<Decimal> number = Decimal::parse(text);
  if (!number) return std::nullopt;
  const Decimal magnitude = *number < Decimal() ? -*number : *number;
  if (unit == TimeUnit::automatic) {
    unit = TimeUnit::s;
    if (magnitude >= Decimal(kFirstMs)) unit = TimeUnit::ms;
    if (magnitude >= Decimal(kFirstUs)) unit = TimeUnit::us;
    if (magnitude >= Decimal(kFirstNs)) unit = TimeUnit::ns;
  }
  const int scale = scale_of(unit);
  const Decimal us = scale < 0 ? *number * *Decimal::divide(Decimal(1), Decimal(1'000))
                               : *number * Decimal(static_cast<int64_t>(kPowersOfTen[static_cast<size_t>(scale)]));
  const std::optional<Decimal> fraction = Decimal::remainder(us, Decimal(1));
  if (!fraction) return std::nullopt;
  const Decimal whole = us - *fraction - Decimal(*fraction < Decimal() ? 1 : 0);
  const std::optional<int64_t> count = whole.to_int64();
  if (!count || *count == std::numeric_limits<int64_t>::min()) return std::nullopt;
  return EventTime{*count};
}

std::optional<EventTime> read_number(std::string_view text, TimeUnit unit) {
  if (unit == TimeUnit::iso) return std::nullopt;
  Number number;
  return read_short(text, number) ? to_time(number, unit) : read_long(text, unit);
}

/// `text` without a sign and leading zeros; empty when there is anything but digits.
std::string_view significant_digits(std::string_view text) {
  for (const char c : text) {
    if (!is_json_digit(c)) return {};
  }
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  return text;
}

/// Digits with an optional sign. `is_digits` says whether the text is that.
std::optional<EventTime> read_digit_text(std::string_view text, TimeUnit unit, bool& is_digits) {
  Number number;
  number.negative = text.starts_with('-');
  if (number.negative || text.starts_with('+')) text.remove_prefix(1);
  is_digits = read_digits(text, number.digits);
  if (is_digits) return to_time(number, unit);
  if (text.size() <= kMostDigits) return std::nullopt;
  const std::string_view digits = significant_digits(text);
  is_digits = !digits.empty();
  return is_digits ? read_long((number.negative ? "-" : "") + std::string(digits), unit) : std::nullopt;
}

std::optional<EventTime> read_text(std::string_view text, TimeUnit unit) {
  if (unit != TimeUnit::iso) {
    bool is_digits = false;
    const std::optional<EventTime> time = read_digit_text(text, unit, is_digits);
    if (is_digits || unit != TimeUnit::automatic) return time;
  }
  const std::optional<EventTime> time = parse_iso(text);
  return time == kBeforeAll ? std::nullopt : time;
}

}  // namespace

std::string_view name(TimeUnit unit) { return kUnitNames[static_cast<size_t>(unit)]; }

std::optional<TimeUnit> parse_time_unit(std::string_view word) {
  for (size_t i = 0; i < kUnitNames.size(); ++i) {
    if (kUnitNames[i] == word) return static_cast<TimeUnit>(i);
  }
  return std::nullopt;
}

std::optional<EventTime> read_any_event_time(const JsonValue& value, TimeUnit unit) {
  if (value.type == JsonType::number) return read_number(value.raw, unit);
  if (value.type != JsonType::string) return std::nullopt;
  if (!value.escaped) return read_text(value.string_body(), unit);
  std::string text;
  append_unescaped(text, value.string_body());
  return read_text(text, unit);
}

std::optional<EventTime> read_event_time(const JsonValue& value, TimeUnit unit) {
  const int64_t us = quick_time::read(value, unit);
  return us == quick_time::kUnread ? read_any_event_time(value, unit) : std::optional(EventTime{us});
}

void read_event_times(const JsonValue* first, size_t stride, TimeUnit unit, std::span<int64_t> times) {
  for (size_t i = 0; i < times.size(); ++i, first += stride) {
    times[i] = quick_time::read(*first, unit);
    if (times[i] != quick_time::kUnread) continue;
    const std::optional<EventTime> time = read_any_event_time(*first, unit);
    if (time) times[i] = time->us;
  }
}

}  // namespace streamutils
