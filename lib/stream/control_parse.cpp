// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>

#include <array>
#include <charconv>
#include <utility>

#include "lib/base/base64.hpp"
#include "lib/stream/control_json.hpp"

namespace streamutils {

namespace dom = simdjson::dom;

constexpr std::string_view kRecordMember = R"(,"record":)";

struct ControlParser::Impl {
  explicit Impl(Units& u) : units(u) {}

  Units& units;
  dom::parser parser;
  std::string head;  // a side line without its record
  std::string text;  // unescaped or decoded bytes that the result's views point into
  dom::object object;
  std::string problem;  // the first member that is missing or of the wrong type

  std::string_view get_text(std::string_view key) {
    std::string_view value;
    if (object[key].get(value)) missing(key, "a string");
    return value;
  }
  int64_t get_integer(std::string_view key) {
    int64_t value = 0;
    if (object[key].get(value)) missing(key, "an integer");
    return value;
  }
  template <class T>
  T get_count(std::string_view key) {
    const int64_t value = get_integer(key);
    if (!std::in_range<T>(value)) missing(key, "in range");
    return static_cast<T>(value);
  }
  bool get_boolean(std::string_view key) {
    bool value = false;
    if (object[key].get(value)) missing(key, "true or false");
    return value;
  }
  UnitId get_unit() { return units.id(get_text("unit")); }
  std::optional<EventTime> get_optional_time(std::string_view key) {
    std::string_view value;
    if (object[key].get(value)) return std::nullopt;
    const auto time = parse_iso(value);
    if (!time) missing(key, "an ISO 8601 time");
    return time;
  }
  EventTime get_time(std::string_view key) {
    const auto time = get_optional_time(key);
    if (!time) missing(key, "an ISO 8601 time");
    return time.value_or(EventTime{});
  }
  void missing(std::string_view key, std::string_view wanted) {
    if (problem.empty()) problem = fmt::format("'{}' is not {}", key, wanted);
  }
  static std::string string_or(dom::element e, std::string_view key) {
    std::string_view value;
    return e[key].get(value) ? std::string() : std::string(value);
  }

  Open open();
  SideRecord side(std::optional<std::string_view> record);
  std::vector<std::pair<std::string, int64_t>> positions();
  Ack ack();
  std::string_view decoded(std::string_view key) {
    const std::string_view encoded = get_text(key);
    text.clear();
    if (!append_base64_decoded(text, encoded)) missing(key, "base64");
    return padded_text();
  }
  std::string_view padded_text() {
    const size_t size = text.size();
    text.append(kJsonPadding, '\0');
    return std::string_view(text).substr(0, size);
  }
};

Open ControlParser::Impl::open() {
  Open open;
  open.version = get_count<int>("version");
  open.run = get_text("run");
  dom::array array;  // an empty one has no elements to walk: never iterate it unless get() filled it
  if (object["stages"].get(array)) {
    missing("stages", "an array");
  } else {
    for (dom::element e : array) {
      StageInfo& stage = open.stages.emplace_back();
      stage.path = string_or(e, "path");
      stage.program = string_or(e, "program");
      stage.checkpoint = string_or(e, "checkpoint");
      if (e["stateful"].get(stage.stateful)) stage.stateful = false;
    }
  }
  if (!object["sources"].get(array)) {
    for (dom::element e : array) {
      UnitRange& range = open.sources.emplace_back();
      range.unit = string_or(e, "unit");
      if (e["start"].get(range.start)) missing("start", "an integer");
      int64_t end = 0;
      if (!e["end"].get(end)) range.end = end;
    }
  }
  dom::element time;
  if (!object["time"].get(time)) {
    TimeField field;
    field.field = string_or(time, "field");
    const auto unit = parse_time_unit(string_or(time, "unit"));
    if (!unit || field.field.empty()) missing("time", "a field and its unit");
    field.unit = unit.value_or(TimeUnit::automatic);
    if (time["shift_us"].get(field.shift.us)) field.shift.us = 0;
    open.time = field;
  }
  if (!object["keys"].get(array)) {
    for (dom::element e : array) {
      std::string_view key;
      if (e.get(key)) missing("keys", "an array of strings");
      open.keys.emplace_back(key);
    }
  }
  if (object["results"].get(open.results)) open.results = false;
  if (object["lateness_us"].get(open.lateness.us)) open.lateness.us = 0;
  return open;
}

SideRecord ControlParser::Impl::side(std::optional<std::string_view> record) {
  SideRecord side;
  side.label = get_text("label");
  side.reason = get_text("reason");
  side.unit = get_unit();
  if (object["offset"].get(side.offset)) side.offset = kNoOffset;
  side.time = get_optional_time("time");
  side.watermark = get_optional_time("watermark");
  side.window_start = get_optional_time("window_start");
  side.window_end = get_optional_time("window_end");
  if (!object["record_bytes"].get(side.full_size)) {
    if (side.full_size < 0) missing("record_bytes", "a size");
    const std::string_view hash = get_text("record_xxh3");
    const auto end = hash.data() + hash.size();
    if (hash.size() != 16 || std::from_chars(hash.data(), end, side.hash, 16).ptr != end) {
      missing("record_xxh3", "16 hexadecimal digits");
    }
  } else {
    side.full_size = -1;
  }
  if (record && !is_json_record(*record)) missing("record", "a JSON object");
  side.record = record ? *record : decoded("record_base64");
  return side;
}

std::vector<std::pair<std::string, int64_t>> ControlParser::Impl::positions() {
  std::vector<std::pair<std::string, int64_t>> out;
  dom::object positions;
  if (object["positions"].get(positions)) {
    missing("positions", "an object");
    return out;
  }
  for (const auto [unit, position] : positions) {
    int64_t value = 0;
    if (position.get(value)) missing("positions", "an object of integers");
    out.emplace_back(unit, value);
  }
  return out;
}

Ack ControlParser::Impl::ack() {
  Ack ack{.epoch = get_count<uint64_t>("epoch"), .stage = std::string(get_text("stage")), .objects = {}, .cursor = {}};
  dom::array objects;
  if (object["objects"].get(objects)) {
    missing("objects", "an array");
    return ack;
  }
  for (dom::element e : objects) {
    ObjectRef& ref = ack.objects.emplace_back();
    ref.name = string_or(e, "name");
    ref.sha256 = string_or(e, "sha256");
    if (e["bytes"].get(ref.bytes)) missing("objects", "an array of names, bytes and sha256");
  }
  dom::element cursor;
  if (object["cursor"].get(cursor)) return ack;
  ack.cursor.emplace();
  if (cursor["epoch"].get(ack.cursor->epoch) || cursor["chunk"].get(ack.cursor->chunk)) {
    missing("cursor", "an epoch and a chunk");
  }
  return ack;
}

ControlParser::ControlParser(Units& units) : impl_(std::make_unique<Impl>(units)) {}
ControlParser::~ControlParser() = default;

namespace {

/// Where a side line's last member, `,"record":{...}}`, starts; npos without one. What stands before it is ours, with
/// every quote inside its strings escaped, so that the first occurrence is the member. The record itself is never
/// parsed here: any number that RFC 8259 allows may stand in it, and it must leave as it came.
size_t find_side_record(std::string_view line) {
  if (!line.starts_with(R"({"$stream":"side")") || !line.ends_with('}')) return std::string_view::npos;
  return line.find(kRecordMember);
}

}  // namespace

Result<ControlParser::Parsed> ControlParser::parse(std::string_view line) {
  Impl& in = *impl_;
  in.problem.clear();
  const size_t record_at = find_side_record(line);
  std::string_view head = line;
  if (record_at != std::string_view::npos) {
    in.head.assign(line.substr(0, record_at));
    in.head += '}';
    in.head.append(kJsonPadding, '\0');
    head = std::string_view(in.head).substr(0, record_at + 1);
  }
  if (line.size() > kMaxControlBytes || in.parser.parse(head.data(), head.size(), false).get(in.object)) {
    return failed("malformed control line");
  }
  Parsed parsed;
  std::string_view kind;
  if (in.object["$stream"].get(kind)) return failed("malformed control line: '$stream' is not a string");
  if (kind == "watermark") {
    const UnitId unit = in.get_unit();
    parsed.item = Watermark{unit, in.get_time("time")};
  } else if (kind == "unit") {
    parsed.kind = Kind::unit;
    parsed.unit = in.get_unit();
  } else if (kind == "record") {
    parsed.kind = Kind::record;
    dom::element raw;
    if (in.object["raw"].get(raw)) {
      parsed.record = in.decoded("raw_base64");
    } else {
      in.text = in.get_text("raw");
      parsed.record = in.padded_text();
    }
    if (parsed.record.find('\n') != std::string_view::npos) in.missing("raw", "one line");
  } else if (kind == "side") {
    parsed.item = in.side(record_at != std::string_view::npos
                              ? std::optional(line.substr(record_at + kRecordMember.size(),
                                                          line.size() - record_at - kRecordMember.size() - 1))
                              : std::nullopt);
  } else if (kind == "caught-up" || kind == "behind") {
    parsed.item = CaughtUp{in.get_unit(), kind == "caught-up"};
  } else if (kind == "idle" || kind == "active") {
    parsed.item = Idle{in.get_unit(), kind == "idle"};
  } else if (kind == "assign") {
    const UnitId unit = in.get_unit();
    const int64_t position = in.get_integer("position");
    if (position < 0) in.missing("position", "an offset");
    parsed.item = Assign{unit, position, in.get_count<uint32_t>("units")};
  } else if (kind == "revoke") {
    parsed.item = Revoke{in.get_unit()};
  } else if (kind == "barrier") {
    parsed.item = Barrier{in.get_count<uint64_t>("epoch"), in.positions()};
  } else if (kind == "ack") {
    parsed.item = in.ack();
  } else if (kind == "end") {
    End end{.fire = in.get_boolean("fire"), .last_epoch = {}, .positions = {}};
    if (!in.object["last_epoch"].error()) {
      end.last_epoch = in.get_count<uint64_t>("last_epoch");
      end.positions = in.positions();
    }
    parsed.item = end;
  } else if (kind == "open") {
    parsed.item = in.open();
  } else {
    return failed("control line of unknown kind '{}'", kind);
  }
  if (!in.problem.empty()) return failed("malformed control line '{}': {}", kind, in.problem);
  return parsed;
}

}  // namespace streamutils
