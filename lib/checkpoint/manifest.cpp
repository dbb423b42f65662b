// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/manifest.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/checkpoint/sealed.hpp"
#include "lib/checkpoint/snapshot.hpp"
#include "lib/json/event_time.hpp"
#include "lib/json/text.hpp"
#include "lib/stream/control_json.hpp"

namespace streamutils::checkpoint {

namespace dom = simdjson::dom;

namespace {

constexpr std::string_view kFolder = "manifest/";
constexpr size_t kDigits = 20;
constexpr int kVersion = 1;
constexpr std::array<std::string_view, 4> kKinds{"start", "epoch", "ended", "finished"};  // in the order of Kind

void append_text(std::string& out, std::string_view key, std::string_view value) {
  fmt::format_to(std::back_inserter(out), R"(,"{}":)", key);
  append_json_string(out, value);
}

void append_number(std::string& out, std::string_view key, uint64_t value) {
  fmt::format_to(std::back_inserter(out), R"(,"{}":{})", key, value);
}

void append_head(std::string& out, const Manifest& manifest) {
  out += R"({"$stream":"manifest")";
  append_number(out, "version", kVersion);
  append_text(out, "kind", kKinds[static_cast<size_t>(manifest.kind)]);
  append_number(out, "number", manifest.number);
  append_number(out, "generation", manifest.generation);
  append_text(out, "pipeline", manifest.pipeline);
  append_text(out, "run", manifest.run);
  append_text(out, "holder", manifest.holder);
  append_text(out, "created", format_iso(EventTime{manifest.created.us}));
  if (manifest.from) append_number(out, "from", *manifest.from);
  if (manifest.rewound) out += R"(,"rewound":true)";
  out += "}\n";
}

Status damaged(std::string_view name, std::string_view why) { return usage_error("{} is damaged ({})", name, why); }

/// The lines of a manifest, one after the other. Each has padding behind it.
class Lines {
 public:
  explicit Lines(std::string_view bytes) : bytes_(bytes) {
    bytes_.append(kJsonPadding, '\0');
    rest_ = std::string_view(bytes_).substr(0, bytes.size());
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  std::string_view next() {
    const size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }

 private:
  std::string bytes_;
  std::string_view rest_;
};

/// Reads the head line into `manifest`. Empty: all is well; else what is wrong.
std::string_view parse_head(dom::object head, Manifest& manifest) {
  const auto text = [&](std::string_view key, std::string& to) {
    std::string_view value;
    if (head[key].get(value)) return false;
    to = value;
    return true;
  };
  std::string kind, created;
  if (!text("kind", kind) || !text("pipeline", manifest.pipeline) || !text("run", manifest.run) ||
      !text("holder", manifest.holder) || !text("created", created) || head["number"].get(manifest.number) ||
      head["generation"].get(manifest.generation)) {
    return "its first line lacks something";
  }
  const auto known = std::find(kKinds.begin(), kKinds.end(), kind);
  if (known == kKinds.end()) return "its kind is unknown";
  manifest.kind = static_cast<Manifest::Kind>(known - kKinds.begin());
  const auto time = parse_iso(created);
  if (!time) return "its time is none";
  manifest.created = WallTime{time->us};
  uint64_t from = 0;
  if (!head["from"].get(from)) manifest.from = from;
  if (head["rewound"].get(manifest.rewound)) manifest.rewound = false;
  return {};
}

/// The lines behind the head. Empty: all is well; else what is wrong.
std::string parse_body(Lines& lines, Manifest& manifest) {
  Units units;
  ControlParser parser(units);
  bool open_seen = false, barrier_seen = false;
  while (!lines.at_end()) {
    auto parsed = parser.parse(lines.next());
    if (!parsed.ok()) return std::string(parsed.status().message());
    if (parsed->kind != ControlParser::Kind::control) return "a line that does not belong there";
    if (auto* open = std::get_if<Open>(&parsed->item); open && !open_seen) {
      open_seen = true;
      manifest.open = std::move(*open);
    } else if (auto* barrier = std::get_if<Barrier>(&parsed->item); barrier && open_seen && !barrier_seen) {
      barrier_seen = true;
      if (barrier->epoch != manifest.number) return "its barrier is of another epoch";
      manifest.positions = std::move(barrier->positions);
    } else if (auto* ack = std::get_if<Ack>(&parsed->item); ack && barrier_seen) {
      if (manifest.member(ack->stage)) return "two acks of one member";
      manifest.members.push_back(std::move(*ack));
    } else {
      return "a line that does not belong there";
    }
  }
  return barrier_seen ? "" : "no barrier";
}

}  // namespace

const Ack* Manifest::member(std::string_view name) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Ack& ack) { return ack.stage == name; });
  return found == members.end() ? nullptr : &*found;
}

std::string manifest_name(uint64_t number) { return fmt::format("{}{:0{}}", kFolder, number, kDigits); }

std::optional<uint64_t> manifest_number(std::string_view name) {
  if (!name.starts_with(kFolder) || name.size() != kFolder.size() + kDigits) return std::nullopt;
  name.remove_prefix(kFolder.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::string format_manifest(const Manifest& manifest) {
  std::string out;
  append_head(out, manifest);
  const Units units;
  const auto line = [&](const Control& item) {
    append_control(out, item, units);
    out += '\n';
  };
  line(manifest.open);
  line(Barrier{manifest.number, manifest.positions});
  for (const Ack& ack : manifest.members) line(ack);
  return sealed(std::move(out));
}

Result<Manifest> parse_manifest(std::string_view name, std::string_view bytes) {
  const Unsealed content = unsealed(bytes);
  if (content.sealed && !content.intact) {
    return damaged(name, "it does not have the SHA-256 that its last line says");
  }
  Lines lines(content.text);
  const std::string_view first = lines.next();
  dom::parser parser;
  dom::object head;
  std::string_view stream;
  int64_t version = 0;
  const bool is_head = !parser.parse(first.data(), first.size(), false).get(head) && !head["$stream"].get(stream) &&
                       stream == "manifest" && !head["version"].get(version);
  if (is_head && version > kVersion) {
    return usage_error("{} is of format {}, this program knows {}: use the version that wrote it", name, version,
                       kVersion);
  }
  if (!content.sealed) return damaged(name, "it is cut short or changed: its last line is not its SHA-256");
  if (!is_head || version != kVersion) return damaged(name, "its first line is not that of a manifest");
  Manifest manifest;
  if (const auto wrong = parse_head(head, manifest); !wrong.empty()) return damaged(name, wrong);
  if (const auto wrong = parse_body(lines, manifest); !wrong.empty()) return damaged(name, wrong);
  return manifest;
}

Result<std::optional<uint64_t>> newest_manifest(ObjectStore& store) {
  STREAM_ASSIGN(const auto names, store.list(kFolder));
  std::optional<uint64_t> newest;
  for (const std::string& name : names) newest = std::max(newest, manifest_number(name));
  return newest;
}

Result<Manifest> read_manifest(ObjectStore& store, uint64_t number) {
  const std::string name = manifest_name(number);
  STREAM_ASSIGN(const auto bytes, store.get(name));
  if (!bytes) return usage_error("checkpoint '{}': {} is missing{}", store.place(), name, way_out(store));
  auto manifest = parse_manifest(name, *bytes);
  if (manifest.ok() && manifest->number != number) {
    manifest = damaged(name, fmt::format("it says that it is number {}", manifest->number));
  }
  if (manifest.ok()) return manifest;
  return Status(manifest.status().code(),
                fmt::format("checkpoint '{}': {}{}", store.place(), manifest.status().message(), way_out(store)));
}

}  // namespace streamutils::checkpoint
