// SPDX-License-Identifier: Apache-2.0
// An Output that keeps what it is given, each record and control item as one text, so that two streams can be compared.
#pragma once
#include <string>
#include <vector>

#include "lib/stream/control_json.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils {

class ItemRecorder final : public Output {
 public:
  /// `columns`: records are kept with times and offsets, which the text encoding does not carry.
  explicit ItemRecorder(const Units& units, bool columns = false) : units_(units), columns_(columns) {}

  Status records(const Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      std::string& text = items.emplace_back(units_.name(batch.unit));
      text += ' ';
      if (columns_) {
        for (const auto& column : {batch.times, batch.offsets, batch.kafka_times}) {
          text += column.empty() ? "-" : std::to_string(column[i]);
          text += ' ';
        }
      }
      text += batch.record(i);
    }
    return {};
  }
  Status control(const Control& item) override {
    append_control(items.emplace_back(), item, units_);
    return {};
  }

  std::vector<std::string> items;

 private:
  const Units& units_;
  bool columns_;
};

}  // namespace streamutils
