// SPDX-License-Identifier: Apache-2.0
// The only door to CLI11: parser.cpp is the one file that includes it (it costs seconds to compile).
#pragma once
#include <string>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/cli/declaration.hpp"

namespace streamutils::cli {

/// Hands every occurrence in `options` (the form of PlainArgv) to its option's `set`, in the order of argv, and
/// collects the canonical values. On failure: what `set` said, behind the option's name, or a missing required option.
Status parse_options(Declarations& declarations, std::vector<std::string> options);

}  // namespace streamutils::cli
