// SPDX-License-Identifier: Apache-2.0
// One record as the sink sees it: who it is, which revision, and the names and values it is to write.
//
// Thread rule: one thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/json/decimal.hpp"
#include "lib/json/event_time.hpp"
#include "lib/redis/effects.hpp"
#include "lib/stream/items.hpp"
#include "tools/ssink-redis/targets.hpp"

namespace streamutils::ssink_redis {

/// Views live until the next RowReader::read(), or as long as the record.
struct Row {
  // Of a window result only:
  std::string keys;  ///< canonical key values
  EventTime start, end;
  int64_t revision = 0;
  bool retracted = false;

  std::string hash_key, zset_key, member, counter_key, string_key, stream_key, channel;
  std::string_view score;
  Decimal amount;
  std::vector<redis::Field> fields;  ///< each name once
  std::string field_names;           ///< the names of `fields`, each after its length in four bytes
  std::string_view record;
};

class RowReader {
 public:
  explicit RowReader(Targets targets);
  /// What the stream's `open` says about its records. Call it once, before read().
  Status open(const Open& open);
  /// Are the records results with revisions?
  [[nodiscard]] bool results() const { return results_.has_value(); }
  [[nodiscard]] const Targets& targets() const { return targets_; }

  /// Reads a record into `row`. Returns the empty reason, or the reason why it is invalid ("missing_field",
  /// "bad_score", …); then blame() is the field to blame, when there is one. REQUIRES: kJsonPadding readable bytes
  /// after the record.
  std::string_view read(std::string_view record, Row& row);
  [[nodiscard]] const std::string& blame() const { return blame_; }

 private:
  struct ResultFields {
    std::vector<size_t> keys;
    size_t start = 0, end = 0, revision = 0, retracted = 0;
    TimeUnit unit = TimeUnit::automatic;
  };
  void prepare();
  std::string_view read_identity(Row& row);
  std::string_view read_names(Row& row);
  std::string_view read_numbers(Row& row);
  std::string_view read_fields(std::string_view record, Row& row);
  std::string_view blamed(size_t slot, std::string_view reason);

  Targets targets_;
  std::optional<ResultFields> results_;
  std::vector<std::pair<size_t, size_t>> flat_;  // a nested path, and the slot of the flat field of that name
  std::optional<RecordParser> parser_;
  std::vector<JsonValue> values_;
  std::vector<RecordParser::Member> members_;
  std::string unescaped_;
  std::string blame_;
};

}  // namespace streamutils::ssink_redis
