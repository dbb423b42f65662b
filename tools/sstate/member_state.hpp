// SPDX-License-Identifier: Apache-2.0
// The states of our programs as rows of JSON, read with the programs' own code.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/snapshot.hpp"
#include "lib/stream/context.hpp"
#include "tools/sstate/key_filter.hpp"
#include "tools/sstate/printer.hpp"

namespace streamutils::sstate {

struct MemberState {
  std::string_view stage;  ///< the member's name
  const checkpoint::Snapshot& snapshot;
  const checkpoint::Manifest& manifest;
};

/// Writes what the member holds: windows, watermarks, remembered results. With `filter` only what belongs to its keys.
/// `context` is the state's own: its units are filled. Of a program whose state has no rows one line says how much it
/// is.
Status print_member(const MemberState& member, const std::optional<KeyFilter>& filter, Context& context, Printer& out);

// One program each.
Status print_windows(const MemberState& member, const std::optional<KeyFilter>& filter, Context& context, Printer& out);
Status print_watermarks(const MemberState& member, Printer& out);
Status print_redis_memory(const MemberState& member, const std::optional<KeyFilter>& filter, Context& context,
                          Printer& out);

// Pieces of a row.
void begin_row(std::string& row, const MemberState& member);  ///< {"stage":"swindow"
void append_text(std::string& row, std::string_view name, std::string_view value);
void append_time(std::string& row, std::string_view name, EventTime time);  ///< null before all time

}  // namespace streamutils::sstate
