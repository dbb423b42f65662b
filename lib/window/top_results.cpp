// SPDX-License-Identifier: Apache-2.0
#include "lib/window/top_results.hpp"

#include <algorithm>

#include "lib/json/text.hpp"

namespace streamutils::window {

TopResults::Value TopResults::value_of(const JsonValue& json) {
  Value value;
  if (json.type == JsonType::number) {
    // Beyond a Decimal's range nothing that is computed here can be: such a number, carried along, has no order.
    if (auto number = Decimal::parse(json.raw)) {
      value.kind = Value::Kind::number;
      value.number = *std::move(number);
    }
  } else if (json.type == JsonType::string) {
    value.kind = Value::Kind::string;
    append_unescaped(value.text, json.string_body());
  }
  return value;
}

bool TopResults::better(const Value& a, std::string_view a_key, const Value& b, std::string_view b_key) {
  if (a.kind != b.kind) return a.kind > b.kind;
  if (a.kind == Value::Kind::number) {
    if (const auto order = a.number <=> b.number; order != 0) return order > 0;
  } else if (a.kind == Value::Kind::string) {
    if (const int order = a.text.compare(b.text); order != 0) return order > 0;
  }
  return a_key < b_key;
}

void TopResults::offer(std::string_view key, std::string_view aggregates, const JsonValue& json) {
  Value value = value_of(json);
  if (kept_.size() == most_) {
    if (!better(value, key, kept_.front().value, kept_.front().key)) return;
    std::pop_heap(kept_.begin(), kept_.end(), better_entry);
    kept_.pop_back();
  }
  kept_.push_back({std::move(value), std::string(key), std::string(aggregates)});
  std::push_heap(kept_.begin(), kept_.end(), better_entry);
}

void TopResults::sort() { std::sort(kept_.begin(), kept_.end(), better_entry); }

}  // namespace streamutils::window
