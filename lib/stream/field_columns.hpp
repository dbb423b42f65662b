// SPDX-License-Identifier: Apache-2.0
// Fields as a column of the binary encoding: where in each record the values are that programs behind this one want, so
// that they need not look for them.
//
// A value is one u64: offset in the record (24 bits), size (24), JsonType (8), escaped (8). Of a record that has an
// array or object there the frame has no column, and the next program reads it by itself.
//
// A reader trusts the writer that a record with this column is valid JSON, as it trusts times: to check it again would
// cost what finding the values costs. What it does check is that every value lies within its record and is a token that
// whoever reads it can be given: no input can make it read elsewhere or fall.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/stream/context.hpp"

namespace streamutils {

class FieldColumnWriter {
 public:
  /// Those of `fields` that are asked for; null: none.
  explicit FieldColumnWriter(const SharedFields* fields) : fields_(fields) {}
  /// Makes column() of the batch. False: it has no fields, or some that cannot be written.
  bool read(const Batch& batch);
  [[nodiscard]] std::span<const uint64_t> column() const { return column_; }
  [[nodiscard]] size_t width() const { return fields_->asked.size(); }
  /// The payload of the frame that declares them.
  [[nodiscard]] std::string names() const;

 private:
  const SharedFields* fields_;
  std::vector<uint64_t> column_;
};

class FieldColumnReader {
 public:
  /// `fields`: what the stages of this process want; complete once records come. Null: nothing.
  explicit FieldColumnReader(const SharedFields* fields) : fields_(fields) {}
  /// Reads the payload of the frame that declares them.
  Status declare(std::string_view payload);
  /// How many fields each record has in the column; 0 when none were declared.
  [[nodiscard]] size_t width() const { return names_.size(); }
  /// Gives the batch its fields, which live until the next call, when the column has all that are wanted. REQUIRES:
  /// `column` has width() entries for each record.
  Status read(const uint64_t* column, Batch& batch);

 private:
  [[nodiscard]] bool has_all_wanted();

  const SharedFields* fields_;
  std::vector<std::string> names_;
  std::vector<size_t> places_;  // of each wanted slot in names_
  bool usable_ = false, looked_ = false;
  std::vector<JsonValue> rows_;
};

}  // namespace streamutils
