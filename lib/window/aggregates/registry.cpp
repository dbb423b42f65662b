// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/registry.hpp"

#include <array>

#include "lib/json/decimal.hpp"
#include "lib/window/aggregates/makers.hpp"

namespace streamutils::window {

namespace {

struct Entry {
  std::string_view name;
  Maker make;
};

/// "pNN" stands for p and a number.
constexpr std::array kAggregates{
    Entry{"count", make_count},       Entry{"sum", make_sum},           Entry{"avg", make_avg},
    Entry{"min", make_min},           Entry{"max", make_max},           Entry{"first", make_first},
    Entry{"last", make_last},         Entry{"any", make_any},           Entry{"stddev", make_stddev},
    Entry{"var", make_var},           Entry{"skewness", make_skewness}, Entry{"corr", make_corr},
    Entry{"rate", make_rate},         Entry{"distinct", make_distinct}, Entry{"median", make_percentile},
    Entry{"mode", make_mode},         Entry{"topk", make_topk},         Entry{"histogram", make_histogram},
    Entry{"collect", make_collect},   Entry{"argmin", make_argmin},     Entry{"argmax", make_argmax},
    Entry{"first_by", make_first_by}, Entry{"last_by", make_last_by},   Entry{"pNN", make_percentile}};

bool is_percentile_name(std::string_view name) {
  return name.size() > 1 && name[0] == 'p' && name[1] >= '0' && name[1] <= '9';
}

}  // namespace

Status require_one_field(const expr::AggregateItem& call) {
  if (call.fields.size() != 1 || !call.arguments.empty()) {
    return usage_error("{0}() takes one field, as in {0}(latency_ms)", call.function);
  }
  return {};
}

Status require_two_fields(const expr::AggregateItem& call, std::string_view example) {
  if (call.fields.size() != 2 || !call.arguments.empty()) {
    return usage_error("{0}() takes two fields, as in {0}({1})", call.function, example);
  }
  return {};
}

Result<size_t> require_field_and_number(const expr::AggregateItem& call, size_t most, std::string_view example) {
  if (call.fields.size() != 1 || call.arguments.size() != 1) {
    return usage_error("{0}() takes one field and a number, as in {0}({1})", call.function, example);
  }
  const std::string& text = call.arguments.front();
  const std::optional<Decimal> number = Decimal::parse(text);
  const int64_t count = number ? number->to_int64().value_or(0) : 0;
  if (count < 1 || static_cast<uint64_t>(count) > most) {
    return usage_error("{}(): '{}' is not a whole number from 1 to {}", call.function, text, most);
  }
  return static_cast<size_t>(count);
}

Result<Aggregate> make_named_aggregate(const expr::AggregateItem& call) {
  const std::string_view wanted = is_percentile_name(call.function) ? "pNN" : std::string_view(call.function);
  std::string known;
  for (const Entry& entry : kAggregates) {
    if (entry.name == wanted) return entry.make(call);
    known.append(known.empty() ? "" : ", ").append(entry.name);
  }
  return usage_error("unknown aggregate '{}'; known are {} (p50, p99.9, ...)", call.function, known);
}

}  // namespace streamutils::window
