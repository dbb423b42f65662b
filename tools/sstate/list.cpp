// SPDX-License-Identifier: Apache-2.0
#include "lib/base/clock.hpp"
#include "lib/json/text.hpp"
#include "tools/sstate/catalog.hpp"
#include "tools/sstate/commands.hpp"

namespace streamutils::sstate {

using checkpoint::Manifest;

namespace {

constexpr std::string_view kRow = "{:>10} {:<9} {:>10} {:<27} {:>7} {:>14}{}";

void append_text(std::string& out, std::string_view key, std::string_view value) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", key);
  append_json_string(out, value);
}

std::string as_json(const Entry& entry) {
  std::string out = fmt::format("{{\"epoch\":{}", entry.number);
  if (!entry.manifest) {
    append_text(out, "damage", entry.damage);
    return out + '}';
  }
  const Manifest& m = *entry.manifest;
  append_text(out, "kind", name(m.kind));
  fmt::format_to(std::back_inserter(out), ",\"generation\":{}", m.generation);
  append_text(out, "created", format_iso(EventTime{m.created.us}));
  append_text(out, "pipeline", m.pipeline);
  append_text(out, "run", m.run);
  append_text(out, "holder", m.holder);
  if (m.from) fmt::format_to(std::back_inserter(out), ",\"from\":{}", *m.from);
  if (m.rewound) out += ",\"rewound\":true";
  fmt::format_to(std::back_inserter(out), ",\"members\":{},\"bytes\":{}}}", m.members.size(), object_bytes(m));
  return out;
}

std::string as_row(const Entry& entry) {
  if (!entry.manifest) return fmt::format("{:>10} damaged: {}", entry.number, entry.damage);
  const Manifest& m = *entry.manifest;
  const std::string from = m.from ? fmt::format("  from {}{}", *m.from, m.rewound ? ", rewound" : "") : "";
  return fmt::format(kRow, m.number, name(m.kind), m.generation, format_iso(EventTime{m.created.us}), m.members.size(),
                     object_bytes(m), from);
}

}  // namespace

Status list(checkpoint::ObjectStore& store, bool json, Printer& out) {
  STREAM_ASSIGN(const std::vector<Entry> entries, read_manifests(store));
  if (!json) {
    STREAM_TRY(out.line(fmt::format(kRow, "EPOCH", "KIND", "GENERATION", "CREATED", "MEMBERS", "BYTES", "")));
  }
  size_t damaged = 0;
  for (const Entry& entry : entries) {
    damaged += !entry.manifest;
    STREAM_TRY(out.line(json ? as_json(entry) : as_row(entry)));
  }
  if (damaged == 0) return {};
  return failed("checkpoint '{}': {} of {} manifests are damaged", store.place(), damaged, entries.size());
}

}  // namespace streamutils::sstate
