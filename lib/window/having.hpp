// SPDX-License-Identifier: Apache-2.0
// --having: which results are written.
//
// Thread rule: one thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/expr/expression.hpp"
#include "lib/window/result_fields.hpp"

namespace streamutils::window {

class Having {
 public:
  /// Compiles `text`; the results' fields that it reads are added to `fields`. On failure: a usage error, also for a
  /// name that results do not have.
  static Result<Having> create(std::string_view text, ResultFields& fields);

  /// Is the result that `fields` has read one to write? `fields` is the one that was given to create().
  [[nodiscard]] bool matches(const ResultFields& fields, expr::Scratch& scratch);
  /// Equal for equal conditions whatever their white space.
  [[nodiscard]] std::string text() const { return condition_.text(); }

 private:
  Having(expr::Expression condition, std::vector<size_t> slots)
      : condition_(std::move(condition)), slots_(std::move(slots)), values_(slots_.size()) {}

  expr::Expression condition_;
  std::vector<size_t> slots_;  // in the results' fields, by the condition's own slots
  std::vector<JsonValue> values_;
};

}  // namespace streamutils::window
