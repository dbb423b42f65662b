// SPDX-License-Identifier: Apache-2.0
// Brings argv into one plain form by the rules of getopt_long, which users and shells expect and which CLI11 2.1 bends:
// it lets "--key=" swallow the next argument, takes "-5" for a positional, "-v-" for "--", and splits "[a,b]".
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/cli/declaration.hpp"

namespace streamutils::cli {

struct PlainArgv {
  /// Each occurrence of an option: its display name, then its value if it takes one.
  std::vector<std::string> options;
  std::vector<std::string> positionals;
  bool help = false;     ///< --help came first; what follows it was not looked at
  bool version = false;  ///< the same of --version
  std::optional<std::string> generate;
};

/// Names that the program did not declare itself. "-h" is help unless the program uses it.
bool is_help(const Declarations& declarations, std::string_view name);

/// On failure: a usage error about an unknown option, a missing value or a value for a flag, with the remedy.
Result<PlainArgv> plain_argv(const Declarations& declarations, int argc, const char* const* argv);

/// "; try 'swindow --help'"
std::string remedy(const Declarations& declarations);

/// The candidate that `word` most likely stands for, or empty when none is near.
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace streamutils::cli
