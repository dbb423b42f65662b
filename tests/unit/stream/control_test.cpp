// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lib/json/record_parser.hpp"
#include "lib/stream/control_json.hpp"
#include "tests/unit/stream/streams.hpp"

namespace streamutils {
namespace {

/// One item of every kind, with every member set and with as few as may be.
std::vector<Control> every_item(Units& units) {
  const UnitId clicks = units.id("clicks/0"), odd = units.id("a \"b\"\\\n\x01\xc3\xa9,\"record\":");
  Open full;
  full.run = "0123456789abcdef";
  full.stages = {
      {"1", "skafka-cat", false, ""}, {"2", "swindow", true, "/var/lib/x"}, {"2.late.1", "sfilter", false, ""}};
  full.sources = {{"clicks/0", 5, 99}, {"clicks/1", 0, std::nullopt}};
  full.time = TimeField{"a.b", TimeUnit::ms, Duration{-1}};
  full.keys = {"user_id", "q\"k"};
  full.results = true;
  full.lateness = Duration{30'000'000};
  SideRecord late{.label = "late", .reason = "window_gone", .unit = clicks, .offset = 7};
  late.time = EventTime{-1};
  late.watermark = EventTime{1};
  late.window_start = EventTime{-10'000'000};
  late.window_end = EventTime{0};
  late.record = R"({"a":1e400,"record":{"record":1}, "b":[]})";
  SideRecord large{.label = "invalid", .reason = "too_large", .unit = odd};
  large.record = "{\"half";
  large.full_size = 1 << 21;
  large.hash = 0x0123456789abcdef;
  SideRecord bytes{.label = "invalid", .reason = "not_json"};
  bytes.record = std::string_view("\0\xff\n{", 4);
  return {Open{},
          full,
          late,
          large,
          bytes,
          SideRecord{},
          Watermark{clicks, EventTime{1'234'567}},
          Watermark{odd, EventTime{std::numeric_limits<int64_t>::min() + 1}},
          Watermark{clicks, kAfterAll},
          CaughtUp{clicks, true},
          CaughtUp{clicks, false},
          Idle{odd, true},
          Idle{odd, false},
          Assign{clicks, std::numeric_limits<int64_t>::max(), 12},
          Revoke{clicks},
          Barrier{7, {{"clicks/0", 12}, {"q\"", 0}}},
          Barrier{},
          Ack{7, "swindow", {{"state/r/7/swindow", 12, "ab"}}, {}},
          Ack{7, "sdivert.late.ssink-kafka", {}, Cursor{5, 2}},
          End{false, 9, {{"clicks/0", 3}}},
          End{true, std::nullopt}};
}

std::string text_of(const Control& item, const Units& units) {
  std::string out;
  append_control(out, item, units);
  return out;
}

Result<ControlParser::Parsed> parse(ControlParser& parser, std::string line) {
  static std::string padded;
  const size_t size = line.size();
  padded = std::move(line) + std::string(kJsonPadding, ' ');
  return parser.parse(std::string_view(padded).substr(0, size));
}

TEST(Control, EveryItemComesBack) {
  Units units;
  ControlParser parser(units);
  for (const Control& item : every_item(units)) {
    const std::string text = text_of(item, units);
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    auto parsed = parse(parser, text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status().message();
    EXPECT_EQ(parsed->item.index(), item.index()) << text;
    EXPECT_EQ(text_of(parsed->item, units), text);
    if (const auto* open = std::get_if<Open>(&item)) {
      EXPECT_EQ(std::get<Open>(parsed->item), *open);
    }
    if (const auto* side = std::get_if<SideRecord>(&item)) {
      const auto& got = std::get<SideRecord>(parsed->item);
      EXPECT_EQ(got.record, side->record);
      EXPECT_EQ(got.label, side->label);
      EXPECT_EQ(got.offset, side->offset);
      EXPECT_EQ(got.full_size, side->full_size);
      EXPECT_EQ(got.hash, side->hash);
      EXPECT_EQ(got.window_start, side->window_start);
    }
  }
}

/// Through whole streams: text to items to binary to items to text gives the first text again.
TEST(Control, EveryItemThroughBothEncodings) {
  Units units;
  std::vector<std::string> lines;
  for (const Control& item : every_item(units)) {
    if (!std::holds_alternative<Open>(item) && !std::holds_alternative<End>(item))
      lines.push_back(text_of(item, units));
  }
  const std::string text = text_stream(lines);
  EXPECT_EQ(between(decode(text)), lines);
  using Make = std::unique_ptr<Encoder>(const Units&);
  for (Make* make : {static_cast<Make*>(&make_binary_encoder), &make_text_encoder}) {
    Units again;
    EncodingOutput out(make(again));
    ASSERT_TRUE(decode_whole(text, again, {}, out).ok());
    EXPECT_EQ(between(decode(out.buffer.view())), lines);
  }
}

TEST(Control, MalformedLinesSayWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"$stream":})", "malformed control line"},
      {R"({"$stream":1})", "'$stream' is not a string"},
      {R"({"$stream":"nonsense"})", "unknown kind 'nonsense'"},
      {R"({"$stream":"watermark"})", "'unit' is not a string"},
      {R"({"$stream":"watermark","unit":"-"})", "'time' is not an ISO 8601 time"},
      {R"({"$stream":"watermark","unit":"-","time":5})", "'time' is not an ISO 8601 time"},
      {R"({"$stream":"watermark","unit":"-","time":"soon"})", "'time' is not an ISO 8601 time"},
      {R"({"$stream":"watermark","unit":"-","time":"1970-01-01T00:00:00Z"} x)", "malformed control line"},
      {R"({"$stream":"open"})", "'version' is not an integer"},
      {R"({"$stream":"open","version":1,"run":"r"})", "'stages' is not an array"},
      {R"({"$stream":"open","version":4294967297,"run":"r","stages":[]})", "'version' is not in range"},
      {R"({"$stream":"open","version":1,"run":"r","stages":[],"time":{"field":""}})", "'time' is not a field"},
      {R"({"$stream":"open","version":1,"run":"r","stages":[],"time":7})", "'time' is not a field"},
      {R"({"$stream":"open","version":1,"run":"r","stages":[],"keys":[1]})", "'keys' is not an array of strings"},
      {R"({"$stream":"barrier","epoch":1})", "'positions' is not an object"},
      {R"({"$stream":"barrier","epoch":-1,"positions":{}})", "'epoch' is not in range"},
      {R"({"$stream":"assign","unit":"-","position":0,"units":-1})", "'units' is not in range"},
      {R"({"$stream":"assign","unit":"-","position":-1,"units":1})", "'position' is not an offset"},
      {R"({"$stream":"end"})", "'fire' is not true or false"},
      {R"({"$stream":"end","fire":true,"last_epoch":-1})", "'last_epoch' is not in range"},
      {R"({"$stream":"record"})", "'raw_base64' is not a string"},
      {R"({"$stream":"record","raw_base64":"?"})", "'raw_base64' is not base64"},
      {R"({"$stream":"record","raw":"a\nb"})", "'raw' is not one line"},
      {R"({"$stream":"side","label":"late","reason":"r","unit":"-"})", "'record_base64' is not a string"},
      {R"({"$stream":"side","label":"late","reason":"r","unit":"-","record":{"a":1})", "'record' is not a JSON object"},
      {R"({"$stream":"side","label":"late","reason":"r","unit":"-","record":{}}})", "'record' is not a JSON object"},
      {R"({"$stream":"side","label":"l","reason":"r","unit":"-","record_bytes":9,"record_xxh3":"12","record_base64":""})",
       "'record_xxh3' is not 16 hexadecimal digits"},
      {"{\"$stream\":\"idle\",\"unit\":\"\xff\"}", "malformed control line"},
  };
  Units units;
  ControlParser parser(units);
  for (const auto& [line, message] : cases) {
    const auto parsed = parse(parser, line);
    ASSERT_FALSE(parsed.ok()) << line;
    EXPECT_NE(parsed.status().message().find(message), std::string::npos) << line << ": " << parsed.status().message();
  }
}

TEST(Control, TheLinesNumberIsNamed) {
  const Decoded decoded = decode(text_stream({"{}", R"({"$stream":"revoke"})"}));
  EXPECT_EQ(decoded.status.code(), Code::failed);
  EXPECT_EQ(decoded.status.message(), "line 3: malformed control line 'revoke': 'unit' is not a string");
  EXPECT_EQ(decoded.items.back(), "- {}");
}

}  // namespace
}  // namespace streamutils
