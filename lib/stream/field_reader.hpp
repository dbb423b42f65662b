// SPDX-License-Identifier: Apache-2.0
// The fields that a stage reads from records. Stages that run in one process share the work: the first one that reads a
// record finds what all of them want, and gives it on beside the record (Batch::fields).
//
// Thread rule: one thread at a time.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "lib/json/event_time.hpp"
#include "lib/stream/context.hpp"

namespace streamutils {

/// Parses every record of `batch` into its row of `width` values. True when none has an error.
bool find_fields(RecordParser& parser, const Batch& batch, size_t width, JsonValue* rows, ParseError* errors);
/// The event times in such rows, kBeforeAll for a record without one. `errors` may be null: there are none.
void find_times(const JsonValue* rows, size_t width, const ParseError* errors, const WantedTimes& wanted,
                std::span<int64_t> times);

class FieldReader {
 public:
  /// `fields`: what this stage wants; it, and `context`, live as long as this. REQUIRES: all stages that share their
  /// fields have made their readers before the first record is read.
  FieldReader(const FieldSet& fields, Context& context);
  FieldReader(const FieldReader&) = delete;
  FieldReader& operator=(const FieldReader&) = delete;

  /// How many fields this stage wants.
  [[nodiscard]] size_t size() const { return fields_.size(); }
  /// The batch that read() is about.
  void begin(const Batch& batch);
  /// Record i as by RecordParser::parse(), by slot of `fields`.
  ParseError read(size_t i, std::span<JsonValue> values);

  /// Reads all records of the batch at once, unless that was done before. What is behind here asks for that.
  void read_all();
  [[nodiscard]] ParseError error(size_t i) const { return errors_ ? errors_[i] : ParseError::none; }
  /// The values of record i, which has no error, by slot of `fields`: where they are until the next begin(), or in
  /// `room`, which has a place for each.
  [[nodiscard]] std::span<const JsonValue> values(size_t i, std::span<JsonValue> room) const {
    if (side_by_side_) return {rows_ + i * width_ + slots_.front(), slots_.size()};
    gather(i, room);
    return room;
  }
  /// Says, before the first record is read, that times() will be asked for: those in the field of this slot.
  void want_times(size_t slot, TimeUnit unit);
  /// The event time of each record, kBeforeAll for what has none; they live until the next begin().
  [[nodiscard]] std::span<const int64_t> times();

  /// True when what was read is worth giving on.
  [[nodiscard]] bool shares() const { return shared_ != nullptr; }
  /// Makes what was read of the records from `first` on, all of which were read, that of `part`, which holds these. It
  /// lives until the next begin().
  void give(Batch& part, size_t first) const;
  /// What was read of record i, to be given on elsewhere. REQUIRES: shares().
  [[nodiscard]] std::span<const JsonValue> row(size_t i) const { return {rows_ + i * width_, width_}; }
  /// How many values a row has. REQUIRES: shares(), and begin() was called.
  [[nodiscard]] size_t width() const { return width_; }

 private:
  void make_room();
  void gather(size_t i, std::span<JsonValue> values) const;

  const FieldSet& fields_;
  SharedFields* shared_;       // of all stages; null: this one is alone
  std::vector<size_t> slots_;  // ours in a row
  bool side_by_side_ = false;  // one behind the other in it
  std::optional<WantedTimes> times_wanted_;
  std::optional<RecordParser> parser_;
  const Batch* batch_ = nullptr;
  size_t width_ = 0;
  bool read_all_ = false;  // here or in an earlier stage
  const JsonValue* rows_ = nullptr;
  const ParseError* errors_ = nullptr;  // when read_all_
  std::vector<JsonValue> own_rows_;
  std::vector<ParseError> own_errors_;
  std::vector<int64_t> own_times_;
};

}  // namespace streamutils
