// SPDX-License-Identifier: Apache-2.0
// Records of one unit: raw bytes and, beside them, the columns that earlier stages have already found.
//
// Ownership: a Batch is a view; its memory belongs to whoever calls on_records() and lives until that call returns.
// Invariants:
//  1. kJsonPadding bytes are readable behind every record.
//  2. A column is empty (not known) or has one entry per record.
//  3. No record contains a newline: what reads one from elsewhere minifies it or takes it out.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/json/record_parser.hpp"

namespace streamutils {

/// The number of a unit inside one process; never written to a stream.
using UnitId = uint32_t;

/// Unit names of one process. The unit of stdin and of results over all units is "-", always id 0.
/// Thread rule: the thread of the loop only.
class Units {
 public:
  static constexpr UnitId kStream = 0;
  Units() { id("-"); }
  UnitId id(std::string_view name);
  [[nodiscard]] const std::string& name(UnitId id) const { return names_[id]; }
  [[nodiscard]] size_t size() const { return names_.size(); }

 private:
  std::deque<std::string> names_;
  std::unordered_map<std::string_view, UnitId> ids_;
};

/// "clicks/0@1234", or "line 12" for stdin; the unit alone when the offset is not known.
inline constexpr int64_t kNoOffset = -1;
std::string format_place(const Units& units, UnitId unit, int64_t offset);

/// A record's bytes as a part of Batch::bytes.
struct Slice {
  uint32_t offset = 0;
  uint32_t size = 0;
};

struct Batch {
  UnitId unit = Units::kStream;
  const char* bytes = nullptr;
  std::span<const Slice> records;
  std::span<const int64_t> times;        ///< event time in us; the shift of Open::time is in it
  std::span<const int64_t> offsets;      ///< Kafka offsets; line numbers from 1 for a plain text input
  std::span<const int64_t> kafka_times;  ///< Kafka record timestamps in us
  /// What an earlier stage in this process, or ReadAhead, has found in the records (FieldReader): field_count values
  /// for each. Null: none has.
  const JsonValue* fields = nullptr;
  size_t field_count = 0;
  /// With fields, and not null: what was found wrong with each record; the fields of those with an error mean nothing.
  const ParseError* errors = nullptr;
  /// With fields, and not null: the event time of each record by SharedFields::times, kBeforeAll where there is none.
  const int64_t* found_times = nullptr;

  [[nodiscard]] size_t size() const { return records.size(); }
  [[nodiscard]] std::string_view record(size_t i) const { return {bytes + records[i].offset, records[i].size}; }
  [[nodiscard]] int64_t offset(size_t i) const { return offsets.empty() ? kNoOffset : offsets[i]; }
  /// The records [first, first + count) with their columns.
  [[nodiscard]] Batch part(size_t first, size_t count) const;
};

/// Builds a batch record by record, for operators that make or rewrite records. Keeps its capacity across clear().
class BatchBuilder {
 public:
  void clear(UnitId unit);
  /// Appends a record. A column is kept when every append() since clear() gave it a value.
  void append(std::string_view record, const int64_t* time = nullptr, const int64_t* offset = nullptr,
              const int64_t* kafka_time = nullptr);
  /// Appends record i of `from` with all its columns.
  void append(const Batch& from, size_t i);
  /// For writing a record in place: append to text(), then call commit() with what the record is to carry.
  std::string& text() { return bytes_; }
  void commit(const int64_t* time = nullptr, const int64_t* offset = nullptr, const int64_t* kafka_time = nullptr);
  /// Takes back what was appended to text() since the last commit.
  void discard() { bytes_.resize(start_); }
  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] size_t size() const { return records_.size(); }
  [[nodiscard]] size_t bytes() const { return bytes_.size(); }
  /// A view of what was appended, padded; valid until the next call that changes this builder.
  Batch batch();

 private:
  UnitId unit_ = Units::kStream;
  std::string bytes_;
  size_t start_ = 0;
  std::vector<Slice> records_;
  std::vector<int64_t> times_, offsets_, kafka_times_;
};

}  // namespace streamutils
