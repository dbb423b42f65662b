// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/json/text.hpp"
#include "tools/sstate/catalog.hpp"
#include "tools/sstate/commands.hpp"
#include "tools/sstate/member_state.hpp"

namespace streamutils::sstate {

using checkpoint::Manifest;

void begin_row(std::string& row, const MemberState& member) {
  row = R"({"stage":)";
  append_json_string(row, member.stage);
}

void append_text(std::string& row, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(row), ",\"{}\":", name);
  append_json_string(row, value);
}

void append_time(std::string& row, std::string_view name, EventTime time) {
  fmt::format_to(std::back_inserter(row), ",\"{}\":", name);
  if (time == kBeforeAll || time == kAfterAll) {
    row += "null";
  } else {
    append_time_json(row, time, TimeFormat::iso);
  }
}

Status print_member(const MemberState& member, const std::optional<KeyFilter>& filter, Context& context, Printer& out) {
  const std::string& program = member.snapshot.program;
  if (program == "swindow") return print_windows(member, filter, context, out);
  if (program == "ssink-redis") return print_redis_memory(member, filter, context, out);
  if (filter) return {};  // the others have no keys
  if (program == "swatermark") return print_watermarks(member, out);
  std::string row;
  begin_row(row, member);
  append_text(row, "program", program);
  append_text(row, "version", member.snapshot.version);
  fmt::format_to(std::back_inserter(row), ",\"bytes\":{}}}", member.snapshot.state.size());
  return out.line(std::string_view(row));
}

Status print_state(checkpoint::ObjectStore& store, const CatOptions& options, Context& context, Printer& out) {
  std::optional<KeyFilter> filter;
  if (options.key) {
    STREAM_ASSIGN(filter, KeyFilter::create(*options.key));
  }
  STREAM_ASSIGN(const Manifest manifest, choose_manifest(store, options.number));
  if (!options.stage.empty() && !manifest.member(options.stage)) {
    std::string names;
    for (const Ack& member : manifest.members) names += (names.empty() ? "" : ", ") + member.stage;
    return usage_error("epoch {} has no stage '{}'; it has {}", manifest.number, options.stage,
                       names.empty() ? "none" : names);
  }
  for (const Ack& member : manifest.members) {
    if (!options.stage.empty() && member.stage != options.stage) continue;
    for (const ObjectRef& object : member.objects) {
      if (!object.name.starts_with("state/")) continue;
      STREAM_ASSIGN(const checkpoint::Snapshot snapshot, checkpoint::get_snapshot(store, object));
      Units units;  // each state has its own
      Context own{context.clock, context.log, context.metrics, units};
      STREAM_TRY(print_member({member.stage, snapshot, manifest}, filter, own, out).at(object.name));
    }
  }
  return {};
}

}  // namespace streamutils::sstate
