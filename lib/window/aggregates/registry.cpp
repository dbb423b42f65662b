// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/registry.hpp"

#include <array>

#include "lib/window/aggregates/makers.hpp"

namespace streamutils::window {

namespace {

struct Entry {
  std::string_view name;
  Maker make;
};

/// "pNN" stands for p and a number.
constexpr std::array kAggregates{Entry{"count", make_count},       Entry{"sum", make_sum},
                                 Entry{"avg", make_avg},           Entry{"min", make_min},
                                 Entry{"max", make_max},           Entry{"first", make_first},
                                 Entry{"last", make_last},         Entry{"stddev", make_stddev},
                                 Entry{"distinct", make_distinct}, Entry{"pNN", make_percentile}};

bool is_percentile_name(std::string_view name) {
  return name.size() > 1 && name[0] == 'p' && name[1] >= '0' && name[1] <= '9';
}

}  // namespace

Status require_one_field(const expr::AggregateItem& call) {
  if (!call.field || !call.arguments.empty()) {
    return usage_error("{0}() takes one field, as in {0}(latency_ms)", call.function);
  }
  return {};
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
