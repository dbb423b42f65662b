// SPDX-License-Identifier: Apache-2.0
// Command lines split as a POSIX shell splits them, by quotes, backslashes and '|'; nothing is expanded.
//
// Invariants:
//  1. A text that is accepted means the same to a POSIX shell.
//  2. What a shell would expand, redirect or run differently ($, `, globs, ~, ; & < > and parentheses, unquoted) is a
//  usage
//     error that names the column and the remedy, never taken literally.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"

namespace streamutils {

/// Where a text stands in its file, for messages. `line` 0: the text is its own, and line 1 of it is not named.
struct TextOrigin {
  int line = 0;
  int column = 1;
};

struct ShellCommand {
  std::vector<std::string> words;  ///< never empty
  TextOrigin origin;               ///< of the first word
};

/// One command. On failure: "column 7: ..." or "line 2, column 7: ...".
Result<ShellCommand> split_command(std::string_view text, TextOrigin origin = {});

/// The commands of `a | b | c`; never empty. A newline may follow a '|'.
Result<std::vector<ShellCommand>> split_pipeline(std::string_view text, TextOrigin origin = {});

/// Words, of which there may be none, and which need not begin with a command.
Result<std::vector<std::string>> split_words(std::string_view text, TextOrigin origin = {});

/// `words` as one line that splits into the same words; for messages.
std::string join_words(const std::vector<std::string>& words);

}  // namespace streamutils
