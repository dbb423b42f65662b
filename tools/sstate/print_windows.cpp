// SPDX-License-Identifier: Apache-2.0
#include "lib/json/text.hpp"
#include "lib/window/saved_windows.hpp"
#include "tools/sstate/member_state.hpp"

namespace streamutils::sstate {

Status print_windows(const MemberState& member, const std::optional<KeyFilter>& filter, Context& context,
                     Printer& out) {
  STREAM_ASSIGN(const auto windows, window::open_saved_windows(member.snapshot.state, context));
  const std::vector<std::string>& names = windows->key_names();
  std::string row;
  return windows->visit_windows([&](const window::WindowOperator::View& view) {
    if (filter && !filter->matches(names, view.key)) return Status();
    begin_row(row, member);
    append_text(row, "unit", view.unit);
    append_time(row, "watermark", view.watermark);
    append_time(row, "window_start", EventTime{view.window.start});  // null for windows without bounds
    append_time(row, "window_end", EventTime{view.window.end});
    if (view.number) fmt::format_to(std::back_inserter(row), R"(,"window_number":{})", *view.number);
    row += R"(,"key":{)";
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) row += ',';
      append_json_string(row, names[i]);
      row += ':';
      row += view.key[i];
    }
    row += R"(},"values":{)";
    row += view.aggregates.substr(view.aggregates.empty() ? 0 : 1);  // without the comma in front
    fmt::format_to(std::back_inserter(row), R"(}},"fired":{},"next_revision":{}}})", view.fired, view.next_revision);
    return out.line(std::string_view(row));
  });
}

}  // namespace streamutils::sstate
