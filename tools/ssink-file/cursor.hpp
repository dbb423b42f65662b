// SPDX-License-Identifier: Apache-2.0
// The cursor file: how far a directory has come, and what is there unfinished. One line of JSON each for the head,
// every part in progress, every part to be finished; then the XXH3-64 of all lines before:
//
//   {"version":1,"pipeline":"…","member":"ssink-file","generation":3,"committed":3,"epoch":7,"chunk":2,"next":13}
//   {"open":"a/part-00000012.ndjson","bytes":100,"generation":3}
//   {"finish":"a/part-00000011.ndjson","bytes":2000,"generation":3}
//   {"remove":"a/part-00000010.ndjson","bytes":0,"generation":3}
//   {"xxh3":"0123456789abcdef"}
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::ssink_file {

struct DirectoryState {
  struct Part {
    uint64_t length = 0;
    uint64_t generation = 0;  ///< that its hidden name is of
    bool operator==(const Part&) const = default;
  };
  using Parts = std::map<std::string, Part, std::less<>>;

  std::string pipeline, member;
  uint64_t generation = 0;
  uint64_t committed = 0;  ///< the last generation that has brought a whole spool in
  Cursor cursor;
  uint64_t next = 1;                                      ///< the first number that no part has
  Parts open;                                             ///< in progress: hidden, durable up to their length
  Parts finishing;                                        ///< complete and durable, to get their names
  std::vector<std::pair<std::string, uint64_t>> garbage;  ///< hidden files to be removed: part, generation
  bool operator==(const DirectoryState&) const = default;
};

std::string format_cursor(const DirectoryState& state);
/// On failure: says what is wrong with the text.
Result<DirectoryState> parse_cursor(std::string_view text);

}  // namespace streamutils::ssink_file
