// SPDX-License-Identifier: Apache-2.0
// swatermark's state, as tools/swatermark/state.cpp writes it. checkpoint(5) draws it.
#include "lib/stream/state.hpp"
#include "lib/stream/state_options.hpp"
#include "tools/sstate/member_state.hpp"

namespace streamutils::sstate {

Status print_watermarks(const MemberState& member, Printer& out) {
  constexpr uint32_t kVersion = 1;
  constexpr std::string_view kWhat = "the watermarks";
  StateReader in(member.snapshot.state);
  STREAM_TRY(read_state_version(in, kVersion, kWhat));
  StateOptions options;
  if (!options.load(in)) return failed("the saved state of {} is damaged", kWhat);
  std::string row;
  for (uint32_t n = in.u32(); n > 0 && in.ok(); --n) {
    const std::string_view unit = in.text();
    const bool known = in.u8() != 0;
    const EventTime newest{in.i64()}, watermark{in.i64()};
    const bool idle = in.u8() != 0;
    if (!in.ok()) break;
    begin_row(row, member);
    append_text(row, "unit", unit);
    append_time(row, "watermark", watermark);
    append_time(row, "newest_record", known ? newest : kBeforeAll);
    row += idle ? R"(,"idle":true})" : R"(,"idle":false})";
    STREAM_TRY(out.line(std::string_view(row)));
  }
  return in.status(kWhat);
}

}  // namespace streamutils::sstate
