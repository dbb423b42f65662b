// SPDX-License-Identifier: Apache-2.0
// Text objects of a checkpoint that say themselves whether they are whole: their last line is {"sha256":"…"} of all
// before it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace streamutils::checkpoint {

/// `text`, whose lines end with '\n', with that line.
std::string sealed(std::string text);

struct Unsealed {
  bool sealed = false;    ///< There is such a line at the end.
  bool intact = false;    ///< And it is right.
  std::string_view text;  ///< What is before it; all of it without one.
};
Unsealed unsealed(std::string_view bytes);

}  // namespace streamutils::checkpoint
