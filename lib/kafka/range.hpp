// SPDX-License-Identifier: Apache-2.0
// Which part of each partition is read: what -o, --from, --to and -e say, and the offsets it comes to.
//
// Thread rule: values; resolve_ranges() blocks and belongs on a Task.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/base/status.hpp"

namespace streamutils {

/// A place in every partition.
struct KafkaPosition {
  enum class Kind : unsigned char {
    beginning,
    end,
    stored,  ///< the group's committed offset
    offset,  ///< `value`, the same in every partition
    last,    ///< `value` offsets before the end, or the beginning
    time,    ///< the first record whose Kafka timestamp is at or behind `value`, in ms
  };
  Kind kind = Kind::end;
  int64_t value = 0;
  bool operator==(const KafkaPosition&) const = default;
};

struct KafkaRange {
  std::optional<KafkaPosition> start;  ///< empty: the end when following, the beginning when bounded
  std::optional<int64_t> until_ms;     ///< end before the first record at or behind this Kafka time
  bool until_end = false;              ///< end at the log ends found at the start
  bool fixed =
      false;  ///< under a checkpoint the ends found at the first start hold for later ones: --from, --to, e@TIME
  [[nodiscard]] bool bounded() const { return until_end || until_ms.has_value(); }
  bool operator==(const KafkaRange&) const = default;
};

/// Milliseconds since the epoch: ISO 8601, digits (epoch ms), or a duration from now ("-1h").
/// On failure: a usage error that shows the accepted forms.
Result<int64_t> parse_kafka_time(std::string_view text, WallTime now);

/// Takes one value of -o into `range`: beginning, end, stored, N, -N, s@T, e@T.
Status add_kafka_offset(KafkaRange& range, std::string_view text, WallTime now);

}  // namespace streamutils

namespace streamutils::kafka {

class Client;

struct PartitionRange {
  std::string topic;
  int32_t partition = 0;
  int64_t low = 0;             ///< the log's first offset
  int64_t high = 0;            ///< the next offset after the last committed record
  int64_t start = 0;           ///< the first offset to be read
  std::optional<int64_t> end;  ///< where reading ends; may be at or before start: nothing to be read

  // Of a group's member, when the partition is assigned to it in the middle of its work:
  int64_t reached = -1;   ///< given: where this member stopped when it had the partition before; -1: it never had
  bool appeared = false;  ///< given: the partition did not exist when this member began
  bool by_range = false;  ///< found: `start` is what KafkaRange says, for want of anything better
  std::string bad_start;  ///< found: why the wanted start cannot be used; then `start` is `low`
};

std::string unit_name(const PartitionRange& range);  ///< "topic/partition"

/// Finds low, high, start and end of every partition in `ranges`, whose topic and partition are given.
/// `group`: committed offsets are looked up; the larger of it and `reached` wins over range.start, and `appeared`
/// starts at the beginning; `stored` demands a committed one. A start outside its log becomes `bad_start`, which
/// check_starts() tells. On failure: a cluster that does not answer is Code::failed.
Result<std::vector<PartitionRange>> resolve_ranges(Client& client, std::vector<PartitionRange> ranges,
                                                   const KafkaRange& range, bool group, Duration bound);

/// A usage error with the valid range when one of `ranges` has a bad start.
Status check_starts(const std::vector<PartitionRange>& ranges);

/// Looks up low and high again.
Status refresh_logs(Client& client, std::vector<PartitionRange>& ranges, Duration bound);

}  // namespace streamutils::kafka
