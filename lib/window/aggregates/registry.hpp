// SPDX-License-Identifier: Apache-2.0
// The aggregate functions by name.
#pragma once
#include "lib/window/aggregates/accumulator.hpp"

namespace streamutils::window {

/// Makes the aggregate that `call` names. On failure: a usage error without the place; of an unknown name with the
/// known ones.
Result<Aggregate> make_named_aggregate(const expr::AggregateItem& call);

}  // namespace streamutils::window
