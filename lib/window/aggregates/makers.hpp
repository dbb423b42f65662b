// SPDX-License-Identifier: Apache-2.0
// The makers of all aggregates; registry.cpp has their names.
#pragma once
#include "lib/window/aggregates/accumulator.hpp"

namespace streamutils::window {

Result<Aggregate> make_count(const expr::AggregateItem& call);
Result<Aggregate> make_sum(const expr::AggregateItem& call);
Result<Aggregate> make_avg(const expr::AggregateItem& call);
Result<Aggregate> make_min(const expr::AggregateItem& call);
Result<Aggregate> make_max(const expr::AggregateItem& call);
Result<Aggregate> make_first(const expr::AggregateItem& call);
Result<Aggregate> make_last(const expr::AggregateItem& call);
Result<Aggregate> make_stddev(const expr::AggregateItem& call);
Result<Aggregate> make_distinct(const expr::AggregateItem& call);
Result<Aggregate> make_percentile(const expr::AggregateItem& call);

}  // namespace streamutils::window
