// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lib/base/base64.hpp"
#include "lib/json/text.hpp"
#include "lib/stream/control_json.hpp"

namespace streamutils {

// Side records are rare beside records, so that a whole parse is affordable.
bool is_json_record(std::string_view record) {
  static const FieldSet no_fields;
  thread_local RecordParser parser(no_fields, {.max_bytes = kMaxControlBytes, .max_depth = 1000});
  thread_local std::string padded;
  if (record.find('\n') != std::string_view::npos) return false;
  padded.assign(record);
  padded.append(kJsonPadding, '\0');
  return parser.parse(std::string_view(padded).substr(0, record.size()), {}) == ParseError::none;
}

namespace {

/// Writes `"name":` with a comma in front where one is due.
class Members {
 public:
  explicit Members(std::string& out, bool first = false) : out_(out), first_(first) {}
  std::string& name(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  void text(std::string_view key, std::string_view value) { append_json_string(name(key), value); }
  void integer(std::string_view key, int64_t value) { fmt::format_to(std::back_inserter(name(key)), "{}", value); }
  void boolean(std::string_view key, bool value) { name(key) += value ? "true" : "false"; }
  void time(std::string_view key, EventTime value) { append_time_json(name(key), value, TimeFormat::iso); }

 private:
  std::string& out_;
  bool first_;
};

struct Writer {
  std::string& out;
  const Units& units;

  Members start(std::string_view kind) {
    out += kControlPrefix;
    out += '"';
    out += kind;
    out += '"';
    return Members(out);
  }
  Members start(std::string_view kind, UnitId unit) {
    Members m = start(kind);
    m.text("unit", units.name(unit));
    return m;
  }

  void operator()(const Open& open) {
    Members m = start("open");
    m.integer("version", open.version);
    m.text("run", open.run);
    list(m.name("stages"), open.stages, [&](const StageInfo& stage) {
      out += '{';
      Members s(out, true);
      s.text("path", stage.path);
      s.text("program", stage.program);
      if (stage.stateful) s.boolean("stateful", true);
      if (!stage.checkpoint.empty()) s.text("checkpoint", stage.checkpoint);
      out += '}';
    });
    if (!open.sources.empty()) {
      list(m.name("sources"), open.sources, [&](const UnitRange& range) {
        out += '{';
        Members s(out, true);
        s.text("unit", range.unit);
        s.integer("start", range.start);
        if (range.end) s.integer("end", *range.end);
        out += '}';
      });
    }
    if (open.time) {
      m.name("time") += '{';
      Members t(out, true);
      t.text("field", open.time->field);
      t.text("unit", name(open.time->unit));
      if (open.time->shift.us != 0) t.integer("shift_us", open.time->shift.us);
      out += '}';
    }
    if (!open.keys.empty()) {
      list(m.name("keys"), open.keys, [&](const std::string& key) { append_json_string(out, key); });
    }
    if (open.results) m.boolean("results", true);
    if (open.lateness.us != 0) m.integer("lateness_us", open.lateness.us);
  }
  void operator()(const SideRecord& side) {
    start("side");
    out += ',';
    append_side_members(out, side, units);
  }
  void operator()(const Watermark& item) { start("watermark", item.unit).time("time", item.time); }
  void operator()(const CaughtUp& item) { start(item.caught_up ? "caught-up" : "behind", item.unit); }
  void operator()(const Idle& item) { start(item.idle ? "idle" : "active", item.unit); }
  void operator()(const Assign& item) {
    Members m = start("assign", item.unit);
    m.integer("position", item.position);
    m.integer("units", item.units_in_all);
  }
  void operator()(const Revoke& item) { start("revoke", item.unit); }
  void operator()(const Barrier& item) {
    Members m = start("barrier");
    m.integer("epoch", static_cast<int64_t>(item.epoch));
    positions(m, item.positions);
  }
  void operator()(const Ack& item) {
    Members m = start("ack");
    m.integer("epoch", static_cast<int64_t>(item.epoch));
    m.text("stage", item.stage);
    list(m.name("objects"), item.objects, [&](const ObjectRef& object) {
      out += '{';
      Members o(out, true);
      o.text("name", object.name);
      o.integer("bytes", static_cast<int64_t>(object.bytes));
      o.text("sha256", object.sha256);
      out += '}';
    });
    if (item.cursor) {
      m.name("cursor") += '{';
      Members c(out, true);
      c.integer("epoch", static_cast<int64_t>(item.cursor->epoch));
      c.integer("chunk", static_cast<int64_t>(item.cursor->chunk));
      out += '}';
    }
  }
  void operator()(const End& item) {
    Members m = start("end");
    m.boolean("fire", item.fire);
    if (!item.last_epoch) return;
    m.integer("last_epoch", static_cast<int64_t>(*item.last_epoch));
    positions(m, item.positions);
  }

  void positions(Members& m, const std::vector<std::pair<std::string, int64_t>>& positions) {
    m.name("positions") += '{';
    bool first = true;
    for (const auto& [unit, position] : positions) {
      if (!first) out += ',';
      first = false;
      append_json_string(out, unit);
      fmt::format_to(std::back_inserter(out), ":{}", position);
    }
    out += '}';
  }

  template <class T, class F>
  void list(std::string&, const std::vector<T>& values, F&& write) {
    out += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      if (i) out += ',';
      write(values[i]);
    }
    out += ']';
  }
};

}  // namespace

void append_control(std::string& out, const Control& item, const Units& units) {
  std::visit(Writer{out, units}, item);
  out += '}';
}

void append_side_members(std::string& out, const SideRecord& item, const Units& units) {
  Members m(out, true);
  m.text("label", item.label);
  m.text("reason", item.reason);
  m.text("unit", units.name(item.unit));
  if (item.offset != kNoOffset) m.integer("offset", item.offset);
  if (item.time) m.time("time", *item.time);
  if (item.watermark && *item.watermark != kBeforeAll) m.time("watermark", *item.watermark);
  if (item.window_start) m.time("window_start", *item.window_start);
  if (item.window_end) m.time("window_end", *item.window_end);
  if (item.full_size >= 0) {
    m.integer("record_bytes", item.full_size);
    m.text("record_xxh3", fmt::format("{:016x}", item.hash));
  }
  if (item.full_size < 0 && is_json_record(item.record)) {
    m.name("record") += item.record;
  } else {
    append_base64(m.name("record_base64") += '"', item.record);
    out += '"';
  }
}

void append_wrapped_record(std::string& out, std::string_view record) {
  out += kControlPrefix;
  if (is_valid_utf8(record)) {
    out += R"("record","raw":)";
    append_json_string(out, record);
  } else {
    out += R"("record","raw_base64":")";
    append_base64(out, record);
    out += '"';
  }
  out += '}';
}

void append_unit(std::string& out, std::string_view unit) {
  out += R"({"$stream":"unit","unit":)";
  append_json_string(out, unit);
  out += '}';
}

}  // namespace streamutils
