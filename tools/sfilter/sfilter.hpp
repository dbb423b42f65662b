// SPDX-License-Identifier: Apache-2.0
// Validates, selects and rewrites records one by one, in this order: --require, --where, --set, then --select or
// --drop. All expressions read the record as it came.
//
// Invariants:
//  1. Without --set, --select and --drop a record leaves with its own bytes.
//  2. A record that is not valid JSON, or fails --require, leaves as a side record `invalid`.
//  3. Event times, offsets and Kafka times stay with their records.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/expr/expression.hpp"
#include "lib/json/record_parser.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/field_reader.hpp"
#include "lib/stream/operator.hpp"
#include "tools/sfilter/options.hpp"
#include "tools/sfilter/projection.hpp"
#include "tools/sfilter/requirements.hpp"

namespace streamutils::sfilter {

class Filter final : public Operator {
 public:
  /// On failure: a usage error.
  static Result<std::unique_ptr<Filter>> create(const Options& options, Context& context);

  /// On failure: a usage error when a field that later stages need would be dropped or changed.
  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_end(const End& item, Output& out) override;

 private:
  struct Assignment {
    std::string name;
    std::string quoted;  // the name as a JSON string
    expr::Expression value;
  };
  struct Selected {
    size_t slot;
    std::string name, quoted;
  };

  explicit Filter(Context& context) : context_(context) {}
  Status configure(const Options& options);
  Status add_assignment(std::string_view text);
  [[nodiscard]] bool rewrites() const { return !set_.empty() || !select_.empty() || !drop_.empty(); }
  [[nodiscard]] bool keeps(std::string_view field) const;
  Status take_out(const Batch& batch, size_t i, std::string_view reason, Output& out);
  Status give(Output& out);
  void keep(const Batch& batch, size_t i, Slice record);
  void rewrite(const Batch& batch, size_t i);
  void write_selected(std::string& text);
  void write_members(std::string_view record, std::string& text);
  void write_member(std::string& text, std::string_view quoted_name, std::string_view value);
  [[nodiscard]] const Assignment* assignment(std::string_view name) const;

  Context& context_;
  FieldSet fields_;
  Requirements requirements_;
  std::unique_ptr<expr::Expression> where_;
  std::vector<Assignment> set_;
  std::vector<Selected> select_;
  std::optional<Projection> projection_;  // when --select is all that rewrites
  std::vector<std::string> drop_;
  std::optional<FieldReader> reader_;
  std::unique_ptr<RecordParser> parser_;  // of whole records, to rewrite them
  std::vector<JsonValue> values_;
  std::vector<RecordParser::Member> members_;
  std::vector<bool> assigned_;
  std::string name_, value_text_;
  expr::Scratch scratch_;
  bool first_member_ = true;
  Batch kept_;  // of records that leave as they came, or projected
  std::vector<Slice> kept_slices_;
  std::vector<int64_t> kept_times_, kept_offsets_, kept_kafka_times_;
  std::vector<JsonValue> kept_fields_;
  BatchBuilder rewritten_;
  int64_t invalid_ = 0;
};

}  // namespace streamutils::sfilter
