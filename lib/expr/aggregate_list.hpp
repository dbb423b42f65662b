// SPDX-License-Identifier: Apache-2.0
// The language of --agg: 'n=count(), errors=count() where status >= 500, error_rate=errors/n'.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/expr/expression.hpp"

namespace streamutils::expr {

/// How many fields a call may have: distinct(a, b, …).
inline constexpr size_t kMaxCallFields = 16;

/// One entry of the list: either a call of an aggregate function over the window's records, or an expression over the
/// results of the calls (`result_values`).
struct AggregateItem {
  std::string name;                    ///< the result field: a plain name, unique in the list
  std::string function;                ///< "count", "p99.9", …; empty for an expression over results
  std::vector<size_t> fields;          ///< the fields' slots in the record's FieldSet; empty for count()
  std::vector<std::string> arguments;  ///< the literals behind them as text, in order (topk(f, 3): {"3"})
  std::optional<Expression> where;     ///< compiled against the record's FieldSet
  std::optional<Expression>
      over_results;   ///< compiled against `results`: slot i reads the result of the call named parts(i)[0]
  size_t column = 0;  ///< where the item starts in the text, from 1; for errors of later checks
};

struct AggregateList {
  std::vector<AggregateItem> items;
  FieldSet results;  ///< names that over_results expressions read; each is the name of an earlier or later call
};

/// Parses the list; the arguments of a call are fields, then literals. Fields that the calls and their `where` read are
/// added to `fields`. Function names are not checked here (lib/window/aggregates knows them). On failure: a usage error
/// with the column; unknown result names, duplicate names, and expressions over expressions' own names in a circle are
/// errors too. An expression may read the names of other expressions; they are replaced by what they stand for, so that
/// `results` holds names of calls only and expressions can be evaluated in any order. At most 256 items. An aggregate
/// without a name gets its text as name: count() -> "count", p99(latency) -> "p99_latency". An aggregate call inside an
/// expression ('rate=count()/2') is an error that says to name the call.
Result<AggregateList> parse_aggregates(std::string_view text, FieldSet& fields);

}  // namespace streamutils::expr
