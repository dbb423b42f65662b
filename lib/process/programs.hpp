// SPDX-License-Identifier: Apache-2.0
// Which commands are programs of this toolkit, and where a command's file is.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/status.hpp"

namespace streamutils {

/// What a program does with a stream. `other`: a command that is not ours and knows lines only.
enum class ProgramRole : unsigned char { other, source, filter, sink, runner };

/// By the last part of the command's first word: "swindow", "/usr/bin/swindow".
ProgramRole role_of(std::string_view command);
/// True for everything but ProgramRole::other: such a command takes a stream, with control items, as its input.
inline bool is_ours(std::string_view command) { return role_of(command) != ProgramRole::other; }
/// True when the command also takes and writes the binary encoding. Not so srun, whose stages may be any commands.
bool speaks_binary(std::string_view command);
/// The last part of a path.
std::string_view base_name(std::string_view path);

/// Whether the file is one of our programs, in the folder of the running one: not something else of the same name.
bool is_beside(std::string_view file);

/// The file that `command` runs. One of ours is looked for beside the running program first, so that a build tree or an
/// unpacked archive works without PATH. `path`: what to search, null for the PATH of the environment.
/// On failure: a usage error, `cannot find 'x' ...`.
Result<std::string> find_command(const std::string& command, const char* path = nullptr);

}  // namespace streamutils
