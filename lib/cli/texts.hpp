// SPDX-License-Identifier: Apache-2.0
// Every text that is made from the declarations: help, the generated parts of the man page, completion scripts.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/status.hpp"
#include "lib/cli/declaration.hpp"

namespace streamutils::cli {

/// --help: usage, description, groups of options, examples; filled to `width` columns.
std::string help_text(const Declarations& declarations, size_t width);

/// scdoc(5) source of the option groups, one "## Title" each.
std::string man_options(const Declarations& declarations);
/// scdoc(5) source of the SYNOPSIS lines.
std::string man_synopsis(const Declarations& declarations);

std::string bash_completion(const Declarations& declarations);
std::string zsh_completion(const Declarations& declarations);
std::string fish_completion(const Declarations& declarations);

/// The text of `--generate KIND`. On failure: a usage error that lists the kinds.
Result<std::string> generate(const Declarations& declarations, std::string_view kind);

/// Columns that a UTF-8 text takes, when every character takes one.
size_t text_width(std::string_view text);

/// --help and --version as every program has them, for listing; `help` names only what the program left free.
std::vector<Option> built_in_options(const Declarations& declarations);

/// The first sentence or clause of a help text, without its full stop: what a completion menu has room for.
std::string_view first_clause(std::string_view help);

/// What a value completes to, told from its metavar and choices.
enum class Completes { nothing, choices, files, directories };
Completes completes(const Option& option);
Completes completes(std::string_view metavar);

}  // namespace streamutils::cli
