// SPDX-License-Identifier: Apache-2.0
#include "lib/window/having.hpp"

namespace streamutils::window {

Result<Having> Having::create(std::string_view text, ResultFields& fields) {
  FieldSet read;
  STREAM_ASSIGN(expr::Expression condition, expr::Expression::compile(text, read));
  std::vector<size_t> slots;
  for (size_t slot = 0; slot < read.size(); ++slot) {
    // Results are flat: the key user.id is one field of that name.
    std::string name;
    for (const std::string& part : read.parts(slot)) name += name.empty() ? part : '.' + part;
    const auto found = fields.add(name);
    if (!found) {
      return usage_error("'{}' is no key field and no aggregate of the results; those are {}", name, fields.names());
    }
    slots.push_back(*found);
  }
  return Having(std::move(condition), std::move(slots));
}

bool Having::matches(const ResultFields& fields, expr::Scratch& scratch) {
  for (size_t slot = 0; slot < slots_.size(); ++slot) values_[slot] = fields.value(slots_[slot]);
  return condition_.matches(values_, scratch);
}

}  // namespace streamutils::window
