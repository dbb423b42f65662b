// SPDX-License-Identifier: Apache-2.0
// count(): records. count(f): records whose f is there and not null.
#include "lib/window/aggregates/count.hpp"

#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

void append_count(std::string& out, const CountState& state) { append_integer(out, state.n); }

void append_term_count(std::string& out, const ExactSum* sums, Interval) { append_integer(out, sums->count()); }

void take_count(CountState& to, const ExactSum* from) { to.n += from->count(); }

}  // namespace

Result<Aggregate> make_count(const expr::AggregateItem& call) {
  if (call.fields.size() > 1 || !call.arguments.empty()) {
    return usage_error("count() takes nothing or one field, as in count(user_id)");
  }
  Aggregate count = make_aggregate<CountState>("count", append_count);
  if (!call.fields.empty()) {
    count.also_from.push_back(sums_reading<3>(append_term_count, convert_sums<CountState, 3, take_count>));
    count.also_from.push_back(sums_reading<2>(append_term_count, convert_sums<CountState, 2, take_count>));
    count.also_from.push_back(sums_reading<1>(append_term_count, convert_sums<CountState, 1, take_count>));
  }
  return count;
}

}  // namespace streamutils::window
