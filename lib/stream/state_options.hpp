// SPDX-License-Identifier: Apache-2.0
// The options that shaped a saved state, by name and value, so that a start with others can say what differs.
//
// Saved as: u32 count, and for each: text name, text value. Thread rule: one thread.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/stream/state.hpp"

namespace streamutils {

class StateOptions {
 public:
  /// Names are those of the command line: "--tumbling". An option that is not given is left out.
  void add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
  /// Null when it was not given. Lives until the next add().
  [[nodiscard]] const std::string* find(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

  void save(StateWriter& out) const;
  /// Into an empty one. False when the bytes are not saved options.
  bool load(StateReader& in);

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

/// Ok when every option of `names` is the same in both. Else a usage error with each difference and the way out: "the
/// checkpoint was made with --tumbling 1m, this start has --tumbling 5m; …".
Status require_same(const StateOptions& saved, const StateOptions& given, const std::vector<std::string_view>& names);

/// Reads the version at the front of a state. On failure: a usage error; one of a later version is told apart.
Status read_state_version(StateReader& in, uint32_t known, std::string_view what);

}  // namespace streamutils
