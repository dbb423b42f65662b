// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/binary.hpp"

#include "tests/unit/stream/streams.hpp"

namespace streamutils {
namespace {

/// A binary stream, written by `write` between `open` and `end`.
template <class Write>
std::string binary_stream(Units& units, Write write) {
  EncodingOutput out(make_binary_encoder(units));
  Open open;
  open.run = "r";
  EXPECT_TRUE(out.control(open).ok());
  write(out);
  EXPECT_TRUE(out.control(End{}).ok());
  return std::string(out.buffer.view());
}

std::string frame(FrameType type, uint8_t columns, std::string payload) {
  payload.resize((payload.size() + 7) / 8 * 8);
  const FrameHeader header{static_cast<uint32_t>(payload.size()), static_cast<uint8_t>(type), columns, 0};
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + payload;
}

std::string numbers(std::initializer_list<uint32_t> values) {
  return {reinterpret_cast<const char*>(std::data(values)), values.size() * 4};
}

std::string control_frame(std::string_view text) {
  return frame(FrameType::control, 0, numbers({static_cast<uint32_t>(text.size())}) + std::string(text));
}

TEST(Binary, ColumnsAndUnitsComeBack) {
  Units units;
  const UnitId a = units.id("a"), b = units.id("b");
  const std::string bytes = binary_stream(units, [&](Output& out) {
    BatchBuilder batch;
    batch.clear(b);
    const int64_t time = -5, offset = 7, kafka_time = 9;
    batch.append("{\"n\":1}", &time, &offset, &kafka_time);
    batch.append("", &time, &offset, &kafka_time);
    EXPECT_TRUE(out.records(batch.batch()).ok());
    batch.clear(a);
    batch.append("x", &time);
    batch.append("y", &time);
    EXPECT_TRUE(out.records(batch.batch()).ok());
    EXPECT_TRUE(out.control(Watermark{b, EventTime{-1}}).ok());
    batch.clear(Units::kStream);
    batch.append("{}", nullptr, &offset);
    EXPECT_TRUE(out.records(batch.batch()).ok());
  });
  EXPECT_EQ(bytes.size() % 8, 0U);
  EXPECT_EQ(between(decode(bytes, {}, true)),
            (Lines{"b -5 7 9 {\"n\":1}", "b -5 7 9 ", "a -5 - - x", "a -5 - - y",
                   R"({"$stream":"watermark","unit":"b","time":"1969-12-31T23:59:59.999999Z"})", "- - 7 - {}"}));
}

TEST(Binary, LargeBatchesAreCutIntoFrames) {
  Units units;
  BatchBuilder batch;
  batch.clear(Units::kStream);
  Lines wanted;
  for (int64_t i = 0; i < 20'000; ++i) {
    const std::string record = std::string(static_cast<size_t>(i % 100), 'r') + std::to_string(i);
    batch.append(record, &i);
    wanted.push_back("- " + std::to_string(i) + " - - " + record);
  }
  const std::string bytes = binary_stream(units, [&](Output& out) { EXPECT_TRUE(out.records(batch.batch()).ok()); });
  const Decoded decoded = decode_by(bytes, 10'000, {}, true);
  EXPECT_EQ(between(decoded), wanted);
  for (size_t at = kBinaryMagic.size(); at < bytes.size();) {
    FrameHeader header;
    std::memcpy(&header, bytes.data() + at, sizeof header);
    EXPECT_LT(header.payload_bytes, 1U << 20);
    at += sizeof header + header.payload_bytes;
  }
}

TEST(Binary, LargeRecordsBecomeSideRecords) {
  Units units;
  BatchBuilder batch;
  batch.clear(units.id("t/0"));
  const std::string large(2 << 20, 'x');
  for (int64_t offset = 0; offset < 5; ++offset) batch.append(offset % 2 ? large : "{}", nullptr, &offset);
  const std::string bytes = binary_stream(units, [&](Output& out) { EXPECT_TRUE(out.records(batch.batch()).ok()); });
  const Lines items = between(decode_by(bytes, 1 << 16, {}, true));
  ASSERT_EQ(items.size(), 5U);
  EXPECT_EQ(items[2], "t/0 - 2 - {}");
  std::string wanted;
  append_control(wanted, too_large(units.id("t/0"), 3, large), units);
  EXPECT_EQ(items[3], wanted);
  EXPECT_NE(wanted.find(R"("record_bytes":2097152,"record_xxh3":")"), std::string::npos);
}

TEST(Binary, MalformedFramesSayWhere) {
  const std::string magic(kBinaryMagic), open = control_frame(kOpenLine), end = control_frame(kEndLine);
  const std::string unit = frame(FrameType::unit, 0, numbers({0, 1}) + "-");
  const std::string fields = frame(FrameType::fields, 0, numbers({1, 1}) + "k");
  const auto records = [](std::string payload, uint8_t columns = 0) {
    return frame(FrameType::records, columns, payload);
  };
  const std::pair<std::string, const char*> cases[] = {
      {frame(static_cast<FrameType>(9), 0, ""), "frame of unknown type 9"},
      {std::string("\xff\xff\xff\xff\0\0\0\0", 8), "not a frame"},
      {std::string("\x03\0\0\0\x04\0\0\0abcd", 12), "not a frame"},
      {frame(FrameType::unit, 0, numbers({1, 1}) + "x"), "frame 'unit' is malformed"},
      {frame(FrameType::unit, 0, numbers({0, 9}) + "x"), "frame 'unit' is malformed"},
      {frame(FrameType::unit, 0, numbers({0, 1}) + "\xff"), "frame 'unit' is malformed"},
      {unit + records(numbers({0, 0, 0, 0})), "before 'open'"},
      {end, "before 'open'"},
      {open + open, "'open' comes twice"},
      {open + records(numbers({0, 0, 0, 0})), "not declared"},
      {open + unit + records("x"), "'records' is too short"},
      {open + unit + records(numbers({0, ~0U, 0, 0})), "'records' is malformed"},
      {open + unit + records(numbers({0, 0, ~0U, 0})), "'records' is malformed"},
      {open + unit + records(numbers({0, 1, 4, 0, 2, 3}) + "abcd"), "'records' is malformed"},
      {open + unit + records(numbers({0, 1, 4, 0, ~0U, ~0U}) + "abcd"), "'records' is malformed"},
      {open + unit + records(numbers({0, 1, 4, 0, 0, 4}) + "abcd", 1), "'records' is malformed"},
      {open + unit + records(numbers({0, 1, 4, 0, 0, 4}) + "abcd", 8), "'records' is malformed"},
      {open + unit + records(numbers({0, 1, 4, 0, 0, 4}) + "abcd", 16), "'records' is malformed"},
      {open + frame(FrameType::fields, 0, numbers({0})), "'fields' is malformed"},
      {open + frame(FrameType::fields, 0, numbers({3, 1}) + "k"), "'fields' is malformed"},
      {open + frame(FrameType::fields, 0, numbers({1, ~0U})), "'fields' is malformed"},
      {open + fields + fields, "'fields' is malformed"},
      {open + unit + fields + records(numbers({0, 1, 4, 0, 0, 4}) + "abcd", 8), "'records' is malformed"},
      {open + unit + records(numbers({0, 1, 4, 0, 0, 4}) + "ab\nd"), "more than one line"},
      {open + frame(FrameType::watermark, 0, "x"), "'watermark' of a wrong size"},
      {open + frame(FrameType::control, 0, numbers({99})), "'control' is malformed"},
      {open + control_frame(R"({"$stream":"unit","unit":"x"})"), "holds no control item"},
      {open + control_frame("{}"), "frame 'control': malformed control line"},
      {open + end + end, "something follows the end"},
      {open + end + std::string("\0", 1), "something follows the end"},
      {open + unit, "ended without 'end'"},
      {open + end.substr(0, end.size() - 1), "ended without 'end'"},
      {"", "ended without 'end'"},
  };
  for (const auto& [frames, message] : cases) {
    const Decoded decoded = decode(magic + frames);
    ASSERT_FALSE(decoded.status.ok()) << message;
    EXPECT_EQ(decoded.status.code(), Code::failed);
    EXPECT_NE(decoded.status.message().find(message), std::string::npos)
        << message << " | " << decoded.status.message();
  }
  EXPECT_TRUE(decode(magic + open + end).status.ok());
  EXPECT_EQ(decode(magic + open + frame(static_cast<FrameType>(9), 0, "")).status.message(),
            "byte " + std::to_string(8 + open.size()) + ": frame of unknown type 9");
}

TEST(Binary, EofEnd) {
  const DecodeSettings settings{.eof_is_end = true};
  const std::string begin = std::string(kBinaryMagic) + control_frame(kOpenLine);
  const std::string unit = frame(FrameType::unit, 0, numbers({0, 1}) + "-");
  const std::string record = frame(FrameType::records, 0, numbers({0, 1, 2, 0, 0, 2}) + "{}");
  EXPECT_EQ(between(decode(begin + unit + record, settings)), Lines{"- {}"});
  EXPECT_EQ(between(decode(begin + unit + record + record.substr(0, 20), settings)), Lines{"- {}"});
  EXPECT_FALSE(decode(kBinaryMagic, settings).status.ok());
}

TEST(Binary, TextAndBackGivesTheSameItems) {
  const std::string text = text_stream({"{}", R"({"$stream":"unit","unit":"t/1"})", "{\"a\":1}",
                                        R"({"$stream":"record","raw":"{\"$stream\":1}"})",
                                        R"({"$stream":"watermark","unit":"t/1","time":"1970-01-01T00:00:01.500Z"})",
                                        R"({"$stream":"unit","unit":"-"})", "{\"b\":1}"});
  Units units;
  EncodingOutput binary(make_binary_encoder(units));
  ASSERT_TRUE(decode_whole(text, units, {}, binary).ok());
  Units again;
  EncodingOutput back(make_text_encoder(again));
  ASSERT_TRUE(decode_whole(binary.buffer.view(), again, {}, back).ok());
  EXPECT_EQ(back.buffer.view(), text);
}

}  // namespace
}  // namespace streamutils
