// SPDX-License-Identifier: Apache-2.0
// Event times in every form and unit against an exact computation; durations, sizes and ISO texts there and back.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "lib/base/time.hpp"
#include "lib/json/decimal.hpp"
#include "lib/json/event_time.hpp"

using namespace streamutils;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_round_trips(int64_t us) {
  const EventTime time{us};
  const std::string iso = format_iso(time);
  require(parse_iso(iso) == time);
  std::string json;
  append_time_json(json, time, TimeFormat::iso);
  require(json == '"' + iso + '"');
  const auto read = read_event_time({JsonType::string, false, json}, TimeUnit::automatic);
  require(time == kBeforeAll ? !read : read == time);

  json.clear();
  append_time_json(json, time, TimeFormat::us);
  const auto number = read_event_time({JsonType::number, false, json}, TimeUnit::us);
  require(time == kBeforeAll ? !number : number == time);

  const auto duration = parse_duration(format_duration(Duration{us}));
  require(duration.ok() && duration->us == us);
}

/// The time of a JSON number by Decimal arithmetic alone.
std::optional<EventTime> slow_time(const Decimal& number, TimeUnit unit) {
  const Decimal magnitude = number < Decimal() ? -number : number;
  if (unit == TimeUnit::automatic) {
    unit = magnitude < *Decimal::parse("1e11")   ? TimeUnit::s
           : magnitude < *Decimal::parse("1e14") ? TimeUnit::ms
           : magnitude < *Decimal::parse("1e17") ? TimeUnit::us
                                                 : TimeUnit::ns;
  }
  const char* factor = unit == TimeUnit::s ? "1e6" : unit == TimeUnit::ms ? "1e3" : unit == TimeUnit::us ? "1" : "1e-3";
  const Decimal us = number * *Decimal::parse(factor);
  const auto fraction = Decimal::remainder(us, Decimal(1));
  require(fraction.has_value());
  Decimal whole = us - *fraction;
  if (*fraction < Decimal()) whole -= Decimal(1);
  const auto count = whole.to_int64();
  if (!count || *count == INT64_MIN) return std::nullopt;
  return EventTime{*count};
}

void check_number(std::string_view text, TimeUnit unit) {
  const auto number = Decimal::parse(text);
  if (!number || unit == TimeUnit::iso) return;
  require(read_event_time({JsonType::number, false, text}, unit) == slow_time(*number, unit));
}

/// A digit string, whatever its sign and leading zeros, is the number it spells.
void check_digit_string(std::string_view quoted, TimeUnit unit) {
  std::string_view digits = quoted.substr(1, quoted.size() - 2);
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return;
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  const auto number = Decimal::parse((negative ? "-" : "") + std::string(digits));
  const auto read = read_event_time({JsonType::string, false, quoted}, unit);
  require(unit == TimeUnit::iso || !number ? !read : read == slow_time(*number, unit));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 9) return 0;
  int64_t us = 0;
  std::memcpy(&us, data, sizeof us);
  check_round_trips(us);
  check_round_trips(us >> (data[8] >> 3 & 31));

  const auto unit = static_cast<TimeUnit>(data[8] % 6);
  const std::string_view given(reinterpret_cast<const char*>(data) + 9, size - 9);
  // Exactly as many bytes as the text has, so that a read beyond them is found.
  const auto exact = std::make_unique<char[]>(given.size());
  std::memcpy(exact.get(), given.data(), given.size());
  const std::string_view text(exact.get(), given.size());

  if (const auto time = parse_iso(text)) require(parse_iso(format_iso(*time)) == *time);
  if (const auto duration = parse_duration(text); duration.ok()) {
    const auto again = parse_duration(format_duration(*duration));
    require(again.ok() && again->us == duration->us);
  }
  if (const auto bytes = parse_bytes(text); bytes.ok()) require(*bytes >= 0);
  check_number(text, unit);

  const std::string quoted = '"' + std::string(text) + '"';
  if (text.find_first_of("\"\\") == std::string_view::npos) {
    const auto time = read_event_time({JsonType::string, false, quoted}, unit);
    if (unit == TimeUnit::iso) require(time == (parse_iso(text) == kBeforeAll ? std::nullopt : parse_iso(text)));
    check_digit_string(quoted, unit);
  }
  return 0;
}
