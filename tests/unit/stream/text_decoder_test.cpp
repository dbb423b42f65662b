// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/text_decoder.hpp"

#include <xxhash.h>

#include <random>

#include "tests/unit/stream/streams.hpp"

namespace streamutils {
namespace {

/// The records of a plain input, each with its line number.
Lines plain(std::string_view bytes, const DecodeSettings& settings = {}) {
  Decoded decoded = decode_by(bytes, ~size_t{0}, settings, true);
  const Decoded cut = decode_by(bytes, 1, settings, true);
  // The run id differs from start to start.
  EXPECT_EQ(Lines(decoded.items.begin() + 1, decoded.items.end()), Lines(cut.items.begin() + 1, cut.items.end()));
  EXPECT_TRUE(decoded.items[0].starts_with(R"({"$stream":"open","version":1,"run":")")) << decoded.items[0];
  return between(decoded);
}

TEST(TextDecoder, PlainLines) {
  EXPECT_EQ(plain(""), Lines());
  EXPECT_EQ(plain("\n\r\n\n"), Lines());
  EXPECT_EQ(plain("{\"a\":1}\n\n{\"b\":2}\r\n{}"), (Lines{"- - 1 - {\"a\":1}", "- - 3 - {\"b\":2}", "- - 4 - {}"}));
  EXPECT_EQ(plain("x\r\r\n"), Lines{"- - 1 - x\r"});
  EXPECT_EQ(plain("x\r"), Lines{"- - 1 - x"});
  EXPECT_EQ(plain(std::string_view("\0\xff\n", 3)), Lines{std::string("- - 1 - \0\xff", 10)});
}

TEST(TextDecoder, NotAByteIsSaidInOpenButABlankLineIsAnInput) {
  class Opens final : public Output {
   public:
    Status records(const Batch&) override { return {}; }
    Status control(const Control& item) override {
      if (const auto* open = std::get_if<Open>(&item)) empty = open->empty_input;
      return {};
    }
    std::optional<bool> empty;
  };
  for (const auto& [bytes, empty] : {std::pair<std::string, bool>{"", true}, {"\n", false}, {"{}", false}}) {
    Units units;
    Opens opens;
    ASSERT_TRUE(decode_whole(bytes, units, {}, opens).ok());
    EXPECT_EQ(opens.empty, empty) << bytes;
  }
}

TEST(TextDecoder, NoControlLinesInAPlainInput) {
  const std::string line = R"({"$stream":"end","fire":true})";
  EXPECT_EQ(plain(line + "\n" + line), (Lines{"- - 1 - " + line, "- - 2 - " + line}));
  EXPECT_EQ(plain(R"({"$stream":"ope)"), Lines{R"(- - 1 - {"$stream":"ope)"});
  EXPECT_EQ(plain("\n" + std::string(kOpenLine)), Lines{"- - 2 - " + std::string(kOpenLine)});
}

TEST(TextDecoder, LookAlikesAreWrappedAndUnwrapped) {
  const std::string text = "{\"$stream\":\"end\",\"fire\":true}\n{\"$stream\":\"\xff\"}\n{\"a\":1}\nx\r\r\n";
  Units units;
  EncodingOutput out(make_text_encoder(units));
  ASSERT_TRUE(decode_whole(text, units, {}, out).ok());
  EXPECT_NE(
      out.buffer.view().find("{\"$stream\":\"record\",\"raw\":\"{\\\"$stream\\\":\\\"end\\\",\\\"fire\\\":true}\"}\n"),
      std::string_view::npos)
      << out.buffer.view();
  EXPECT_NE(out.buffer.view().find(R"("raw_base64":)"), std::string_view::npos);
  EXPECT_NE(out.buffer.view().find("\n{\"a\":1}\n"), std::string_view::npos);
  EXPECT_EQ(between(decode(out.buffer.view())),
            (Lines{R"(- {"$stream":"end","fire":true})", "- {\"$stream\":\"\xff\"}", R"(- {"a":1})", "- x\r"}));

  Units again;
  EncodingOutput unwrapped(make_plain_encoder());
  ASSERT_TRUE(decode_whole(out.buffer.view(), again, {}, unwrapped).ok());
  EXPECT_EQ(unwrapped.buffer.view(), "{\"$stream\":\"end\",\"fire\":true}\n{\"$stream\":\"\xff\"}\n{\"a\":1}\nx\r\n");
}

/// Any mixture of ordinary lines with those that need a second look, in any number of pieces.
TEST(TextDecoder, OrdinaryLinesBetweenOddOnes) {
  std::mt19937_64 random(7);
  DecodeSettings settings;
  settings.max_record_bytes = 200;
  for (int round = 0; round < 60; ++round) {
    std::string text;
    Lines wanted;
    const auto odd = static_cast<uint64_t>(round % 3 == 0 ? 1000 : 8);
    for (int line = 1; line <= 500; ++line) {
      const std::string record = "{\"n\":\"" + std::string(random() % 150, 'x') + "\"}";
      switch (random() % odd) {
        case 0:
          text += random() % 2 == 0 ? "\n" : "\r\n";
          continue;
        case 1:
          text += std::string(201, 'y') + "\n";
          wanted.push_back("too large");
          continue;
        case 2:
          text += std::string(200, 'z') + "\r\n";
          wanted.push_back(fmt::format("- - {} - {}", line, std::string(200, 'z')));
          continue;
        default:
          text += record + (random() % 5 == 0 ? "\r\n" : "\n");
          wanted.push_back(fmt::format("- - {} - {}", line, record));
      }
    }
    for (const size_t chunk : {~size_t{0}, size_t{4096}, size_t{61}}) {
      Lines items = between(decode_by(text, chunk, settings, true));
      for (std::string& item : items) {
        if (item.starts_with(R"({"$stream":"side")")) item = "too large";
      }
      ASSERT_EQ(items, wanted) << round << ", " << chunk << " bytes at a time";
    }
  }
}

TEST(TextDecoder, UnitLinesAndBlankRecords) {
  const Lines lines{R"({"$stream":"unit","unit":"t/1"})", "{}", "", R"({"$stream":"record","raw":""})",
                    R"({"$stream":"unit","unit":"-"})",   "{}"};
  EXPECT_EQ(between(decode(text_stream(lines))), (Lines{"t/1 {}", "t/1 ", "- {}"}));
}

TEST(TextDecoder, CrLfInAStream) {
  std::string text = text_stream({"{}", R"({"$stream":"idle","unit":"-"})"});
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(between(decode(crlf)), between(decode(text)));
}

TEST(TextDecoder, TheLimitIsOnTheRecordNotOnItsLineEnd) {
  const std::string fits(64, 'x'), large(65, 'x');
  const DecodeSettings settings{.max_record_bytes = 64};
  EXPECT_EQ(plain(fits + "\r\n" + fits, settings), (Lines{"- - 1 - " + fits, "- - 2 - " + fits}));
  for (const char* end : {"\r\n", "\n", "", "\r"}) {
    const Lines got = plain(large + end, settings);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_NE(got[0].find(R"("reason":"too_large","unit":"-","offset":1,"record_bytes":65)"), std::string::npos)
        << got[0];
  }
  EXPECT_NE(plain(fits + "\r\r\n", settings)[0].find(R"("record_bytes":65)"), std::string::npos);
}

TEST(TextDecoder, ALargeLineLeavesHeadSizeAndHash) {
  std::string large;
  for (int i = 0; large.size() <= (3U << 20); ++i) large += std::to_string(i);
  const std::string input = "{}\n" + large + "\r\n{\"after\":1}\n";
  for (const size_t chunk : {size_t{1000}, size_t{4096}, ~size_t{0}}) {
    Units units;
    ItemRecorder recorder(units, true);
    ASSERT_TRUE(decode_all(input, units, {}, recorder, [=](size_t) { return chunk; }).ok());
    ASSERT_EQ(recorder.items.size(), 5U);
    SideRecord wanted{.label = "invalid", .reason = "too_large", .offset = 2};
    wanted.record = std::string_view(large).substr(0, kSideRecordHead);
    wanted.full_size = static_cast<int64_t>(large.size());
    wanted.hash = XXH3_64bits(large.data(), large.size());
    std::string text;
    append_control(text, wanted, units);
    EXPECT_EQ(recorder.items[2], text);
    EXPECT_EQ(recorder.items[3], "- - 3 - {\"after\":1}");
  }
}

TEST(TextDecoder, ALargeRecordInsideItsWrapping) {
  const DecodeSettings settings{.max_record_bytes = 64};
  const Decoded decoded =
      decode(text_stream({R"({"$stream":"record","raw":")" + std::string(65, 'x') + "\"}"}), settings);
  EXPECT_NE(between(decoded)[0].find(R"("reason":"too_large")"), std::string::npos);
}

TEST(TextDecoder, AControlLineBeyondItsLimitIsAnError) {
  const std::string line = R"({"$stream":"idle","unit":")" + std::string(kMaxControlBytes, 'x') + "\"}";
  const Decoded decoded = decode_by(text_stream({line}), 100'000);
  EXPECT_EQ(decoded.status.message(), "line 2: a control line of more than 8388608 bytes");
}

TEST(TextDecoder, AStreamThatIsCutOff) {
  const std::string text = text_stream({"{\"a\":1}", R"({"$stream":"idle","unit":"-"})", "{\"a\":123}"});
  for (size_t size = std::string_view(R"({"$stream":"open")").size(); size < text.size() - 1; ++size) {
    const Decoded cut = decode(std::string_view(text).substr(0, size));
    EXPECT_EQ(cut.status.code(), Code::failed) << size;
    EXPECT_TRUE(cut.status.message().starts_with("the input ended without 'end'")) << size << cut.status.message();
    for (const std::string& item : cut.items) EXPECT_NE(item, kEndLine);
  }
  // Without its last newline the end is still the end.
  EXPECT_EQ(decode(std::string_view(text).substr(0, text.size() - 1)).items, decode(text).items);
}

TEST(TextDecoder, EofEndTakesTheCutForTheEnd) {
  const DecodeSettings settings{.eof_is_end = true};
  const std::string open = std::string(kOpenLine) + '\n';
  EXPECT_EQ(between(decode(open + "{}\n{}", settings)), (Lines{"- {}", "- {}"}));
  EXPECT_EQ(between(decode(open + R"({"$stream":"idle","un)", settings)), Lines());
  EXPECT_EQ(between(decode(text_stream({"{}"}), settings)), Lines{"- {}"});
  EXPECT_FALSE(decode(R"({"$stream":"open","vers)", settings).status.ok());
}

TEST(TextDecoder, OneOpenAndNothingBehindTheEnd) {
  EXPECT_EQ(decode(text_stream({kOpenLine})).status.message(),
            "line 2: a second 'open': two streams cannot be joined by cat");
  for (const char* more : {"{}\n", "{}", "{\"$stream\":\"idle\",\"unit\":\"-\"}\n"}) {
    EXPECT_EQ(decode(text_stream({}) + more).status.message(), "line 3: something follows the end of the stream");
  }
  EXPECT_EQ(decode(text_stream({}) + std::string(100, 'x'), {.max_record_bytes = 64}).status.message(),
            "line 3: something follows the end of the stream");
  EXPECT_TRUE(decode(text_stream({}) + "\n\r\n").status.ok());
}

TEST(TextDecoder, AnotherVersion) {
  const Decoded decoded = decode("{\"$stream\":\"open\",\"version\":2,\"run\":\"r\",\"stages\":[]}\n");
  EXPECT_EQ(decoded.status.message(), "the input is a stream of version 2; this program reads version 1");
}

TEST(TextDecoder, StopEndsAPlainInputWithoutFiring) {
  Units units;
  ItemRecorder recorder(units);
  TextDecoder decoder(units, {}, false);
  ASSERT_TRUE(decoder.stop(recorder).ok());
  ASSERT_EQ(recorder.items.size(), 2U);
  EXPECT_EQ(recorder.items[1], R"({"$stream":"end","fire":false})");
  EXPECT_TRUE(decoder.ended());
}

TEST(Detection, WaitsUntilTheBytesTell) {
  Units units;
  EXPECT_EQ(detect_decoder("", false, units, {}), nullptr);
  EXPECT_EQ(detect_decoder("{\"$str", false, units, {}), nullptr);
  EXPECT_EQ(detect_decoder("\x89S", false, units, {}), nullptr);
  EXPECT_NE(detect_decoder("\x89X", false, units, {}), nullptr);
  EXPECT_FALSE(detect_decoder("{\"$str", true, units, {})->is_stream());
  EXPECT_FALSE(detect_decoder("{\"a\":1", false, units, {})->is_stream());
  EXPECT_TRUE(detect_decoder(R"({"$stream":"open")", false, units, {})->is_stream());
}

/// Encoders of lines take records that are lines already many at a time.
TEST(TextEncoders, RunsOfLinesAndRecordsFromElsewhere) {
  const std::string bytes = "{\"a\":1}\n{\"a\":2}\n\n{\"a\":3}x{\"a\":4}\n" + std::string(kJsonPadding, '\n');
  //                         0          8          16 17         24 25
  const std::vector<std::pair<std::vector<Slice>, std::string>> cases = {
      {{{0, 7}, {8, 7}}, "{\"a\":1}\n{\"a\":2}\n"},
      {{{8, 7}, {0, 7}}, "{\"a\":2}\n{\"a\":1}\n"},
      {{{0, 7}, {0, 7}, {8, 7}}, "{\"a\":1}\n{\"a\":1}\n{\"a\":2}\n"},
      {{{8, 7}, {17, 7}, {25, 7}}, "{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n"},
      {{{17, 7}, {25, 7}}, "{\"a\":3}\n{\"a\":4}\n"},
      {{}, ""},
  };
  for (const auto& [records, wanted] : cases) {
    const Batch batch{.bytes = bytes.data(), .records = records};
    Units units;
    for (const bool plain : {false, true}) {
      IoBuffer out;
      (plain ? make_plain_encoder() : make_text_encoder(units))->records(batch, out);
      EXPECT_EQ(out.view(), wanted);
    }
  }
  const std::vector<Slice> blank{{0, 0}, {8, 7}, {16, 0}, {17, 0}};
  IoBuffer out;
  make_plain_encoder()->records({.bytes = bytes.data(), .records = blank}, out);
  EXPECT_EQ(out.view(), "\n{\"a\":2}\n\n\n");
}

}  // namespace
}  // namespace streamutils
