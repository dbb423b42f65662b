// SPDX-License-Identifier: Apache-2.0
// The environment variables that every program knows.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "lib/base/status.hpp"
#include "lib/stream/context.hpp"

namespace streamutils::environment {

/// STREAM_CHECK=1 or =fields: options are checked, and nothing is opened, read or written.
bool checks_only();
/// STREAM_CHECK=fields: the fields that the program reads are said on standard output.
bool says_fields();

/// STREAM_CHECKPOINT; empty: not set.
std::string checkpoint();

/// STREAM_FORMAT: true for `binary`, false for `text` or when it is not set.
Result<bool> binary();

/// STREAM_READ_AHEAD_BYTES, for tests: how little input is not worth other threads. They set 0, for theirs is small.
Result<size_t> read_ahead_bytes();

/// STREAM_FIELDS: the fields that later programs read, one a line.
std::string_view fields();
/// Adds these to what is asked.
Status ask_for_fields(SharedFields& shared);

}  // namespace streamutils::environment
