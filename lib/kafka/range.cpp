// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/range.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <thread>

#include "lib/json/event_time.hpp"
#include "lib/kafka/client.hpp"

namespace streamutils {
namespace {

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Status set_start(KafkaRange& range, KafkaPosition position) {
  range.start = position;
  return {};
}

}  // namespace

Result<int64_t> parse_kafka_time(std::string_view text, WallTime now) {
  // Records have no times before the epoch, and negative numbers ask Kafka for something else (-1: the end of the log).
  const auto to_ms = [](int64_t us) { return std::max<int64_t>(0, floor_to(us, 1000) / 1000); };
  if (is_digits(text)) {
    if (const auto ms = parse_integer(text)) return *ms;
  } else if (const auto time = parse_iso(text)) {
    return to_ms(time->us);
  } else if (const Result<Duration> ago = parse_duration(text); ago.ok()) {
    int64_t us = 0;
    if (!__builtin_add_overflow(now.us, (*ago).us, &us)) return to_ms(us);
  }
  return usage_error("'{}' is no time: give ISO 8601 ('2026-01-31T12:00:00Z'), milliseconds since the epoch, or '-1h'",
                     text);
}

Status add_kafka_offset(KafkaRange& range, std::string_view text, WallTime now) {
  using Kind = KafkaPosition::Kind;
  if (text == "beginning") return set_start(range, {Kind::beginning, 0});
  if (text == "end") return set_start(range, {Kind::end, 0});
  if (text == "stored") return set_start(range, {Kind::stored, 0});
  if (text.starts_with("s@") || text.starts_with("e@")) {
    STREAM_ASSIGN(const int64_t ms, parse_kafka_time(text.substr(2), now));
    if (text[0] == 's') return set_start(range, {Kind::time, ms});
    range.until_ms = ms;
    return {};
  }
  const auto number = parse_integer(text);
  if (number && text[0] != '-') return set_start(range, {Kind::offset, *number});
  if (number && *number < 0 && *number > std::numeric_limits<int64_t>::min())
    return set_start(range, {Kind::last, -*number});
  return usage_error("'{}' is no offset: give beginning, end, stored, N, -N (the last N), s@TIME or e@TIME", text);
}

namespace kafka {
namespace {

using Ranges = std::vector<PartitionRange>;
using Steady = std::chrono::steady_clock;

ListPtr list_of(const Ranges& ranges, int64_t offset) {
  ListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(ranges.size())));
  for (const PartitionRange& r : ranges) {
    rd_kafka_topic_partition_list_add(list.get(), r.topic.c_str(), r.partition)->offset = offset;
  }
  return list;
}

/// Repeats `ask` while the cluster does not answer, until `deadline`. An error of one partition is an error of all.
Status ask_until(Client& client, Steady::time_point deadline, std::string_view what,
                 rd_kafka_topic_partition_list_t& list, const std::function<rd_kafka_resp_err_t(int timeout_ms)>& ask) {
  std::vector<int64_t> asked;
  for (int i = 0; i < list.cnt; ++i) asked.push_back(list.elems[i].offset);
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    rd_kafka_resp_err_t error = ask(static_cast<int>(std::clamp<int64_t>(left, 1, 5000)));
    for (int i = 0; i < list.cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) error = list.elems[i].err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    STREAM_TRY(client.trouble());
    if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
      return usage_error("cannot {} at '{}': {}; check the ACLs", what, client.brokers(), error_text(error));
    }
    if (Steady::now() >= deadline || client.detached()) {
      return failed("cannot {} at '{}': {}", what, client.brokers(), error_text(error));
    }
    for (int i = 0; i < list.cnt; ++i) {
      list.elems[i].offset = asked[static_cast<size_t>(i)];
      list.elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

/// The answers in the order of `ranges`; librdkafka may return the list in another one.
Result<std::vector<int64_t>> answers(const Ranges& ranges, rd_kafka_topic_partition_list_t& list) {
  std::vector<int64_t> offsets;
  for (const PartitionRange& r : ranges) {
    const auto* found = rd_kafka_topic_partition_list_find(&list, r.topic.c_str(), r.partition);
    if (found == nullptr) return failed("no answer about partition {} of topic '{}'", r.partition, r.topic);
    offsets.push_back(found->offset);
  }
  return offsets;
}

/// ListOffsets for all partitions at once: a timestamp, or RD_KAFKA_OFFSET_BEGINNING and _END, which the request passes
/// on.
Result<std::vector<int64_t>> offsets_at(Client& client, const Ranges& ranges, int64_t at, Steady::time_point deadline) {
  const ListPtr list = list_of(ranges, at);
  STREAM_TRY(ask_until(client, deadline, "find offsets", *list, [&](int timeout_ms) {
    return rd_kafka_offsets_for_times(client.get(), list.get(), timeout_ms);
  }));
  return answers(ranges, *list);
}

Result<std::vector<int64_t>> committed(Client& client, const Ranges& ranges, Steady::time_point deadline) {
  const ListPtr list = list_of(ranges, RD_KAFKA_OFFSET_INVALID);
  STREAM_TRY(ask_until(client, deadline, "read the group's offsets", *list,
                       [&](int timeout_ms) { return rd_kafka_committed(client.get(), list.get(), timeout_ms); }));
  return answers(ranges, *list);
}

std::string outside(const PartitionRange& r, int64_t offset, bool stored) {
  if (stored) {
    return fmt::format(
        "the group's offset {} is outside '{}/{}', which holds {} to {}; reset the group's offsets, or use another "
        "group",
        offset, r.topic, r.partition, r.low, r.high);
  }
  return fmt::format(
      "offset {} is outside '{}/{}', which holds {} to {}; give -o beginning, -o end or a number between", offset,
      r.topic, r.partition, r.low, r.high);
}

void set_start(PartitionRange& r, const KafkaPosition& position) {
  switch (position.kind) {
    case KafkaPosition::Kind::beginning:
      r.start = r.low;
      return;
    case KafkaPosition::Kind::end:
      r.start = r.high;
      return;
    case KafkaPosition::Kind::last:
      r.start = position.value >= r.high - r.low ? r.low : r.high - position.value;
      return;
    case KafkaPosition::Kind::offset:
      if (position.value < r.low || position.value > r.high) {
        r.bad_start = outside(r, position.value, false);
      } else {
        r.start = position.value;
      }
      return;
    case KafkaPosition::Kind::stored:
      r.bad_start =
          fmt::format("the group has no stored offset for '{}/{}'; give -o beginning or -o end", r.topic, r.partition);
      return;
    case KafkaPosition::Kind::time:
      return;  // already looked up
  }
}

}  // namespace

std::string unit_name(const PartitionRange& range) { return fmt::format("{}/{}", range.topic, range.partition); }

Result<Ranges> resolve_ranges(Client& client, Ranges ranges, const KafkaRange& range, bool group, Duration bound) {
  using Kind = KafkaPosition::Kind;
  if (ranges.empty()) return ranges;
  const auto deadline = Steady::now() + std::chrono::microseconds(bound.us);
  STREAM_ASSIGN(const std::vector<int64_t> low, offsets_at(client, ranges, RD_KAFKA_OFFSET_BEGINNING, deadline));
  STREAM_ASSIGN(const std::vector<int64_t> high, offsets_at(client, ranges, RD_KAFKA_OFFSET_END, deadline));
  const KafkaPosition start = range.start.value_or(KafkaPosition{range.bounded() ? Kind::beginning : Kind::end, 0});
  std::vector<int64_t> timed, until, stored;
  if (start.kind == Kind::time) {
    STREAM_ASSIGN(timed, offsets_at(client, ranges, start.value, deadline));
  }
  if (range.until_ms) {
    STREAM_ASSIGN(until, offsets_at(client, ranges, *range.until_ms, deadline));
  }
  if (group) {
    STREAM_ASSIGN(stored, committed(client, ranges, deadline));
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    PartitionRange& r = ranges[i];
    r.low = low[i];
    r.high = std::max(high[i], low[i]);
    // A time behind the last record has no offset (-1): the end as it is now.
    if (!timed.empty()) r.start = timed[i] < 0 ? r.high : std::clamp(timed[i], r.low, r.high);
    if (range.bounded()) r.end = r.high;
    if (!until.empty() && until[i] >= 0) r.end = std::min(until[i], r.high);
    const int64_t known = std::max(stored.empty() ? -1 : stored[i], r.reached);
    if (known >= 0) {
      if (known < r.low || known > r.high) {
        r.bad_start = outside(r, known, true);
      } else {
        r.start = known;
      }
    } else if (r.appeared) {
      r.start = r.low;
    } else {
      set_start(r, start);
      r.by_range = true;
    }
    if (!r.bad_start.empty()) r.start = r.low;
  }
  return ranges;
}

Status check_starts(const Ranges& ranges) {
  for (const PartitionRange& r : ranges) {
    if (!r.bad_start.empty()) return Status(Code::usage, r.bad_start);
  }
  return {};
}

Status refresh_logs(Client& client, Ranges& ranges, Duration bound) {
  if (ranges.empty()) return {};
  const auto deadline = Steady::now() + std::chrono::microseconds(bound.us);
  STREAM_ASSIGN(const std::vector<int64_t> low, offsets_at(client, ranges, RD_KAFKA_OFFSET_BEGINNING, deadline));
  STREAM_ASSIGN(const std::vector<int64_t> high, offsets_at(client, ranges, RD_KAFKA_OFFSET_END, deadline));
  for (size_t i = 0; i < ranges.size(); ++i) {
    ranges[i].low = low[i];
    ranges[i].high = std::max(high[i], low[i]);
  }
  return {};
}

}  // namespace kafka
}  // namespace streamutils
