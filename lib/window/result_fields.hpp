// SPDX-License-Identifier: Apache-2.0
// The values of a result by the names that it shows: key fields and aggregates. For what is asked of results before
// they are written.
//
// Thread rule: one thread.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/record_parser.hpp"
#include "lib/window/aggregates/plan.hpp"

namespace streamutils::window {

class ResultFields {
 public:
  ResultFields(std::vector<std::string> keys, std::vector<std::string> aggregates);

  /// The slot of the field with this name, the same for the same name; empty when results have none.
  std::optional<size_t> add(std::string_view name);
  /// Is it an aggregate's name?
  [[nodiscard]] bool is_aggregate(std::string_view name) const;
  /// All names, for an error: "user, n, share".
  [[nodiscard]] std::string names() const;

  /// Reads one result: its key fields' texts, and its aggregates as AggregatePlan::append_results() gives them.
  void read(std::span<const std::string_view> keys, std::string_view aggregates);
  /// Lives until the next read(), or as long as what was given to it.
  [[nodiscard]] const JsonValue& value(size_t slot) const { return values_[slot]; }

 private:
  struct Source {
    bool key = false;
    size_t index = 0;  // of the key, or in wanted_
  };
  std::vector<std::string> keys_, aggregates_, added_;
  std::vector<Source> sources_;  // by slot, as values_
  std::vector<JsonValue> values_;
  FieldSet wanted_;  // of the aggregates
  std::optional<RecordParser> parser_;
  std::vector<JsonValue> parsed_;
  std::string object_;
};

}  // namespace streamutils::window
