// SPDX-License-Identifier: Apache-2.0
// Which keys `--key K` means.
//
// K as a JSON object: the fields it names have these values, other key fields may have any. Else one of the key's
// fields is K, read as JSON ('5' is the number, '"5"' the string), or is the string K as it stands ('u1', and '5'
// again). Values are equal as keys are: 1.0 is 1, strings are compared unescaped.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"

namespace streamutils::sstate {

class KeyFilter {
 public:
  /// On failure: a usage error.
  static Result<KeyFilter> create(std::string_view text);
  /// `names` and `values`, canonical JSON, go together. Without names only their values are compared, in any place.
  [[nodiscard]] bool matches(std::span<const std::string> names, std::span<const std::string_view> values) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;  // of an object
  std::vector<std::string> any_;                             // else: what one of the values is to be
};

}  // namespace streamutils::sstate
