// SPDX-License-Identifier: Apache-2.0
// Rows that another plan has saved, as rows of this one: each accumulator by its name, some made of one of another
// kind that holds more (the sum from what stddev keeps). What this plan does not use is read past.
//
// Thread rule: one thread at a time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "lib/window/aggregates/plan.hpp"

namespace streamutils::window {

class RowLoader {
 public:
  /// `calls`: the accumulators of the saved rows in their order, as PlanPart::call. `plan` outlives this.
  /// On failure: Code::usage when the saved rows do not hold what the plan needs, and the message says what that is;
  /// Code::failed when `calls` are none.
  static Result<RowLoader> create(const AggregatePlan& plan, const std::vector<std::string>& calls);

  /// Into a row fresh from AggregatePlan::init(). False when the bytes are not such a row; it can still be destroyed.
  bool load(char* row, StateReader& in) const;

 private:
  struct Step {
    const Accumulator* part = nullptr;  // the row's own, at `offset`
    size_t offset = 0;
    std::unique_ptr<Accumulator> accumulator;  // else: what it was
    struct Into {
      size_t offset = 0;
      Conversion convert = nullptr;
    };
    std::vector<Into> into;  // what is made of it
  };
  static bool load_other(const Step& step, char* row, StateReader& in);
  std::vector<Step> steps_;
};

}  // namespace streamutils::window
