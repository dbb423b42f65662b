// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/checkpoint/spool.hpp"
#include "tools/sstate/catalog.hpp"
#include "tools/sstate/commands.hpp"

namespace streamutils::sstate {

using checkpoint::Manifest;

namespace {

std::string_view meaning(Manifest::Kind kind) {
  switch (kind) {
    case Manifest::Kind::start:
      return "the pipeline was started";
    case Manifest::Kind::epoch:
      return "a cut while the stream goes on";
    case Manifest::Kind::ended:
      return "the stream ended with its windows open; a start goes on from here";
    case Manifest::Kind::finished:
      return "the stream ended for good; only --fresh or --from-epoch start it again";
  }
  return {};
}

Status show_head(const Manifest& m, Printer& out) {
  STREAM_TRY(out.line("epoch       {} ({}: {})", m.number, name(m.kind), meaning(m.kind)));
  if (m.from) {
    STREAM_TRY(out.line("goes on     from epoch {}{}", *m.from,
                        m.rewound ? "; later effects in the sinks' stores stay there and come again" : ""));
  }
  STREAM_TRY(out.line("created     {} by {}", format_iso(EventTime{m.created.us}), m.holder));
  STREAM_TRY(out.line("generation  {}", m.generation));
  STREAM_TRY(out.line("pipeline    {}", m.pipeline));
  return out.line("run         {}", m.run);
}

Status show_lock(checkpoint::ObjectStore& store, Printer& out) {
  STREAM_ASSIGN(const auto lock, store.look_at_lock());
  if (lock.held) return out.line("lock        held by {}", lock.holder.empty() ? "unknown" : lock.holder);
  if (lock.holder.empty()) return out.line("lock        free");
  return out.line("lock        free, last held by {}", lock.holder);
}

Status show_stages(const Manifest& m, Printer& out) {
  for (const StageInfo& stage : m.open.stages) {
    STREAM_TRY(out.line("stage       {} {}{}", stage.path, stage.program, stage.stateful ? ", keeps state" : ""));
  }
  return {};
}

Status show_positions(const Manifest& m, Printer& out) {
  for (const auto& [unit, position] : m.positions) {
    const auto range = std::find_if(m.open.sources.begin(), m.open.sources.end(),
                                    [&u = unit](const UnitRange& r) { return r.unit == u; });
    std::string bounds;
    if (range != m.open.sources.end()) {
      bounds = fmt::format(" (began at {}", range->start);
      if (range->end) bounds += fmt::format(", ends at {}", *range->end);
      bounds += ')';
    }
    STREAM_TRY(out.line("position    {} next {}{}", unit, position, bounds));
  }
  return {};
}

Status show_members(const Manifest& m, Printer& out) {
  for (const Ack& member : m.members) {
    std::string cursor;
    if (member.cursor) cursor = fmt::format(", cursor epoch {} chunk {}", member.cursor->epoch, member.cursor->chunk);
    STREAM_TRY(out.line("member      {}, of epoch {}{}", member.stage, member.epoch, cursor));
    for (const ObjectRef& object : member.objects) {
      STREAM_TRY(out.line("  object    {} {} bytes, sha256 {}", object.name, object.bytes, object.sha256));
    }
  }
  return {};
}

}  // namespace

Status show(checkpoint::ObjectStore& store, std::optional<uint64_t> number, Printer& out) {
  STREAM_ASSIGN(const Manifest manifest, choose_manifest(store, number));
  STREAM_TRY(show_head(manifest, out));
  STREAM_TRY(show_lock(store, out));
  STREAM_TRY(show_stages(manifest, out));
  STREAM_TRY(show_positions(manifest, out));
  return show_members(manifest, out);
}

}  // namespace streamutils::sstate
