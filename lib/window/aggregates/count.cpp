// SPDX-License-Identifier: Apache-2.0
// count(): records. count(f): records whose f is there and not null.
#include "lib/window/aggregates/count.hpp"

#include <charconv>

#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

void append_count(std::string& out, const CountState& state) { append_integer(out, state.n); }

void take_count(CountState& to, const ExactSum& from) { to.n += from.count(); }

}  // namespace

void append_integer(std::string& out, uint64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

Result<Aggregate> make_count(const expr::AggregateItem& call) {
  if (!call.arguments.empty()) return usage_error("count() takes nothing or one field, as in count(user_id)");
  Aggregate count = make_aggregate<CountState>("count", append_count);
  if (call.field)
    count.also_from = {moments_reading(append_term_count, convert_moments<CountState, take_count>),
                       sum_reading(append_term_count, convert_sum<CountState, take_count>)};
  return count;
}

}  // namespace streamutils::window
