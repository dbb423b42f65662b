// SPDX-License-Identifier: Apache-2.0
// Cuts a buffer into lines, 64 bytes a step.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/stream/batch.hpp"

namespace streamutils {

/// Which lines need no second look.
struct LineRules {
  uint64_t max_bytes = 0;
  bool stop_at_controls = false;  ///< a line that begins as control lines do
};

struct LinesFound {
  size_t count = 0;
  size_t end = 0;  ///< behind the newline of the last one, or where it began to look
};

/// Writes the lines of `bytes` from `from` on to `lines`, each without its newline and the '\r' before it, until one
/// that is blank, longer than max_bytes, stops by the rules or has no newline, or until `lines` may not hold what the
/// next step finds. REQUIRES: kJsonPadding readable bytes behind `bytes`; lines.size() >= kLinesAtOnce.
LinesFound find_lines(std::string_view bytes, size_t from, const LineRules& rules, std::span<Slice> lines);
inline constexpr size_t kLinesAtOnce = 64;

/// For each 64 bytes a word with a bit for each newline among them, the first in the lowest bit.
using NewlineMasks = void (*)(const char* bytes, size_t words, uint64_t* masks);
/// What this processor runs, the fastest first; the last is for all.
std::span<const NewlineMasks> newline_masks();

}  // namespace streamutils
