// SPDX-License-Identifier: Apache-2.0
// The fields that a stage reads from records. Stages that run in one process share the work: the first one that reads a
// record finds what all of them want, and gives it on beside the record (Batch::fields).
//
// Thread rule: one thread at a time.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "lib/stream/context.hpp"

namespace streamutils {

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
  const FieldSet& fields_;
  SharedFields* shared_;       // of all stages; null: this one is alone
  std::vector<size_t> slots_;  // ours in it
  std::optional<RecordParser> parser_;
  const Batch* batch_ = nullptr;
  size_t width_ = 0;
  bool read_before_ = false;  // an earlier stage has
  const JsonValue* rows_ = nullptr;
  std::vector<JsonValue> own_rows_;
};

}  // namespace streamutils
