// SPDX-License-Identifier: Apache-2.0
// The cursor file: how far a directory has come, and what is there unfinished. One line of JSON each for the head,
// every part in progress, every part to be finished; then the XXH3-64 of all lines before:
//
//   {"version":1,"pipeline":"…","member":"ssink-file","generation":3,"epoch":7,"chunk":2,"next":13}
//   {"open":"a/part-00000012.ndjson","bytes":100}
//   {"finish":"a/part-00000011.ndjson","bytes":2000}
//   {"xxh3":"0123456789abcdef"}
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "lib/base/status.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::ssink_file {

struct DirectoryState {
  std::string pipeline, member;
  uint64_t generation = 0;
  Cursor cursor;
  uint64_t next = 1;  ///< the first number that no part has
  /// Length by part. In progress: hidden, durable up to that length. To be finished: complete, durable, to get its
  /// name.
  std::map<std::string, uint64_t, std::less<>> open, finishing;
};

std::string format_cursor(const DirectoryState& state);
/// On failure: says what is wrong with the text.
Result<DirectoryState> parse_cursor(std::string_view text);

}  // namespace streamutils::ssink_file
