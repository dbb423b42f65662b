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
Result<Aggregate> make_any(const expr::AggregateItem& call);
Result<Aggregate> make_stddev(const expr::AggregateItem& call);
Result<Aggregate> make_var(const expr::AggregateItem& call);
Result<Aggregate> make_skewness(const expr::AggregateItem& call);
Result<Aggregate> make_corr(const expr::AggregateItem& call);
Result<Aggregate> make_rate(const expr::AggregateItem& call);
Result<Aggregate> make_distinct(const expr::AggregateItem& call);
Result<Aggregate> make_percentile(const expr::AggregateItem& call);  // median too
Result<Aggregate> make_mode(const expr::AggregateItem& call);
Result<Aggregate> make_topk(const expr::AggregateItem& call);
Result<Aggregate> make_histogram(const expr::AggregateItem& call);
Result<Aggregate> make_collect(const expr::AggregateItem& call);
Result<Aggregate> make_argmin(const expr::AggregateItem& call);
Result<Aggregate> make_argmax(const expr::AggregateItem& call);
Result<Aggregate> make_first_by(const expr::AggregateItem& call);
Result<Aggregate> make_last_by(const expr::AggregateItem& call);

}  // namespace streamutils::window
