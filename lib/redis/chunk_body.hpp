// SPDX-License-Identifier: Apache-2.0
// A sealed chunk as bytes: all that the chunk script is to do, without the place where it is noted that it was done.
//
// A spool holds these, so the format is stable: a line "redis-chunk 1 KEYS BYTES ARGUMENTS", then KEYS keys in BYTES
// bytes, then the arguments, all as in Redis' protocol ("$3\r\nkey\r\n"). script.hpp says what the arguments mean: they
// are its ARGV[3…]. A body of another version is refused.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/status.hpp"

namespace streamutils::redis {

/// Appends the line that a body begins with.
void append_body_head(size_t keys, size_t key_bytes, size_t arguments, std::string& out);

/// A body without effects.
std::string empty_body();

struct CommandHead {
  std::string_view sha;            ///< of the script
  std::string_view key;            ///< KEYS[1]
  std::string_view first, second;  ///< ARGV[1], ARGV[2]
};
/// Appends the EVALSHA command that applies `body`. On failure (a body that is cut, changed or of another version):
/// `out` is as it was.
Status append_chunk_command(const CommandHead& head, std::string_view body, std::string& out);

}  // namespace streamutils::redis
