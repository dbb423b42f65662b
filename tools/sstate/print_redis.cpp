// SPDX-License-Identifier: Apache-2.0
#include "lib/json/record_parser.hpp"
#include "lib/json/text.hpp"
#include "lib/stream/state.hpp"
#include "lib/window/key_reader.hpp"
#include "tools/ssink-redis/fingerprint.hpp"
#include "tools/ssink-redis/memory.hpp"
#include "tools/sstate/member_state.hpp"

namespace streamutils::sstate {

namespace {

using ssink_redis::SinkMemory;
using ssink_redis::Written;

/// The key fields as the results that came in called them; a sink of a branch may have got others.
std::vector<std::string> key_names(const Open& open) {
  std::vector<std::string> names;
  FieldSet fields;
  for (const std::string& path : open.keys) {
    const auto slot = fields.add(path);
    if (!slot.ok()) return {};
    std::string name;
    for (const std::string& part : fields.parts(*slot)) name += name.empty() ? part : '.' + part;
    names.push_back(std::move(name));
  }
  return names;
}

void append_written(std::string& row, const Written& w) {
  row += R"(,"written":{)";
  const size_t empty = row.size();
  const auto add = [&](std::string_view target, std::string_view key) {
    if (row.size() == empty) {
      fmt::format_to(std::back_inserter(row), "\"{}\":", target);
      append_json_string(row, key);
    } else {
      append_text(row, target, key);
    }
  };
  if (w.hash) add("hash", w.hash_key);
  if (w.zset) add("zset", w.zset_key);
  if (w.zset) add("member", w.member);
  if (w.counter) add("counter", w.counter_key);
  if (w.counter) add("by", w.amount);
  if (w.string) add("string", w.string_key);
  row += '}';
}

}  // namespace

Status print_redis_memory(const MemberState& member, const std::optional<KeyFilter>& filter, Context& context,
                          Printer& out) {
  StateReader in(member.snapshot.state);
  STREAM_TRY(ssink_redis::Fingerprint::read(in).take_status());
  SinkMemory memory;
  STREAM_TRY(memory.restore(in, context.units));
  const std::vector<std::string> names = key_names(member.manifest.open);
  std::vector<std::string_view> keys(names.size());
  std::string row;
  return memory.visit([&](const SinkMemory::View& view) {
    window::split_key(view.keys, keys);
    if (filter && !filter->matches(names, keys)) return Status();
    begin_row(row, member);
    append_text(row, "unit", context.units.name(view.unit));
    append_time(row, "window_start", view.start);
    append_time(row, "window_end", view.end);
    row += R"(,"key":{)";
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) row += ',';
      append_json_string(row, names[i]);
      row += ':';
      row += keys[i];
    }
    fmt::format_to(std::back_inserter(row), R"(}},"revision":{})", view.revision);
    append_written(row, view.written);
    row += '}';
    return out.line(std::string_view(row));
  });
}

}  // namespace streamutils::sstate
