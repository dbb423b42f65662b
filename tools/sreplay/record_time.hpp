// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "lib/json/event_time.hpp"
#include "lib/json/record_parser.hpp"

namespace streamutils::sreplay {

/// The event time of a record, by its field.
class RecordTime {
 public:
  /// On failure: a usage error.
  static Result<std::unique_ptr<RecordTime>> create(const std::string& field, TimeUnit unit) {
    std::unique_ptr<RecordTime> time(new RecordTime(unit));
    auto slot = time->fields_.add(field);
    if (!slot.ok()) return slot.take_status().at("--time");
    time->parser_ = std::make_unique<RecordParser>(time->fields_);
    return time;
  }
  /// In us; empty when the record has none. REQUIRES: kJsonPadding readable bytes behind the record.
  std::optional<int64_t> of(std::string_view record) {
    JsonValue value;
    if (parser_->parse(record, {&value, 1}) != ParseError::none) return std::nullopt;
    const auto time = read_event_time(value, unit_);
    return time ? std::optional(time->us) : std::nullopt;
  }

 private:
  explicit RecordTime(TimeUnit unit) : unit_(unit) {}
  TimeUnit unit_;
  FieldSet fields_;
  std::unique_ptr<RecordParser> parser_;
};

}  // namespace streamutils::sreplay
