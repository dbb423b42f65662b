// SPDX-License-Identifier: Apache-2.0
// A parser that has seen records of a layout reads the next ones by it; it must say of each exactly what a parser says
// that has seen nothing.
#include "lib/json/shape.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>

#include "lib/json/structurals.hpp"

namespace streamutils {
namespace {

FieldSet fields_of(const std::vector<std::string>& paths) {
  FieldSet fields;
  for (const std::string& path : paths) EXPECT_TRUE(fields.add(path).ok());
  return fields;
}

struct Parser {
  explicit Parser(const FieldSet& fields) : parser(fields), values(fields.size()) {}
  /// The verdict, and each field with its type.
  std::string parse(std::string_view record, std::string_view after) {
    buffer.assign(record);
    buffer += after;
    buffer.append(kJsonPadding, '\0');
    std::string out(reason(parser.parse(std::string_view(buffer).substr(0, record.size()), values)));
    if (!out.empty()) return out;
    for (const JsonValue& value : values) {
      fmt::format_to(std::back_inserter(out), "{}{}[{}] ", static_cast<int>(value.type), value.escaped ? "e" : "",
                     value.raw);
    }
    return out;
  }
  RecordParser parser;
  std::vector<JsonValue> values;
  std::string buffer;
};

const std::vector<std::string> kPaths{"user", "n", "o", "o.a", "o.l", "l", "none", "t"};
const char* const kSeeds[] = {
    R"({"user":"abc-123","n":-0.5,"o":{"a":"x","l":[1,2,"z"]},"l":[true,null],"t":1700000000123})",
    R"( { "n" : 12 , "t" : "2026-01-01T00:00:00Z" , "user" : null, "long":"more than thirty-two bytes of text in one value" } )",
    "{\"user\":\"\xc3\xa9t\xc3\xa9\",\"n\":\"a\\\"b\\\\\",\"k\xc3\xa9y that is so long that it takes more than one "
    "step\":1e5,\"o\":{},\"l\":[[],{}]}",
    R"({"n":1,"n":2,"o":7,"o":{"a":1},"\u0075ser":"u","t":false})"};

TEST(Shape, SaysWhatAParserWithoutMemorySays) {
  constexpr std::string_view kBytes = "{}[]:,\"\\ \t\n0123456789-+.eEtruefalsnu/bx\x01\x1f\x7f\x80\xc3\xa9";
  const FieldSet fields = fields_of(kPaths);
  std::mt19937 random(20260202);
  auto remembers = std::make_unique<Parser>(fields);
  int accepted = 0, refused = 0;
  for (int round = 0; round < 60'000; ++round) {
    const std::string seed = kSeeds[random() % std::size(kSeeds)];
    std::string record = seed;
    // Of what it has seen before it learns which values vary: one that is new takes all for fixed.
    if (round % 8 == 0) remembers = std::make_unique<Parser>(fields);
    if (round % 2000 < 1000) {
      for (size_t edits = random() % 3; edits > 0 && !record.empty(); --edits) {
        const size_t at = random() % record.size();
        const char byte = kBytes[random() % kBytes.size()];
        switch (random() % 3) {
          case 0:
            record.erase(at, 1 + random() % 3);
            break;
          case 1:
            record[at] = byte;
            break;
          default:
            record.insert(at, 1, byte);
        }
      }
    }
    for (const std::string_view after : {"", "}", "\"", "\"}", "1"}) {
      Parser knows_nothing(fields);
      // What it saw last is a good record, whose layout this one may have.
      remembers->parse(seed, "");
      remembers->parse(seed, "");
      const std::string wanted = knows_nothing.parse(record, after);
      ASSERT_EQ(remembers->parse(record, after), wanted) << record;
      ++(wanted.find('[') != std::string::npos ? accepted : refused);
    }
  }
  EXPECT_GT(accepted, 100'000);
  EXPECT_GT(refused, 50'000);
}

/// The layout of records that are parsed in full.
struct Learnt {
  Learnt(const FieldSet& fields, const std::string& first) : parser(fields), values(fields.size()) {
    EXPECT_TRUE(learn(shape, first));
  }
  /// Where this record differs, too, records may differ.
  void add(const std::string& record) {
    Shape fresh;
    EXPECT_TRUE(learn(fresh, record));
    EXPECT_TRUE(fresh.is_like(shape)) << record;
    fresh.generalize(shape);
    shape = fresh;
  }
  bool match(std::string record) { return shape.match(padded(std::move(record)), values); }

  Shape shape;
  RecordParser parser;
  std::vector<JsonValue> values;
  std::string text;

 private:
  std::string_view padded(std::string record) {
    const size_t size = record.size();
    text = std::move(record);
    text.append(kJsonPadding, ' ');
    return std::string_view(text).substr(0, size);
  }
  bool learn(Shape& into, std::string from) {
    const std::string_view record = padded(std::move(from));
    Structurals structurals(1 << 20);
    EXPECT_EQ(parser.parse(record, values), ParseError::none);
    EXPECT_EQ(structurals.find(record), ParseError::none);
    return into.learn(record, structurals.positions(), structurals.size(), values);
  }
};

TEST(Shape, ComparesValuesOfOneLengthByteByByte) {
  if (!Shape::supported()) GTEST_SKIP() << "this processor has no AVX2";
  Learnt l(fields_of({"a", "b", "c"}), R"({"a":"xyz","b":120,"c":{"d":true,"e":[1, 2]}})");
  EXPECT_TRUE(l.match(R"({"a":"~ /","b":999,"c":{"d":true,"e":[0, 0]}}  )"));
  EXPECT_EQ(l.values[0].raw, R"("~ /")");
  EXPECT_EQ(l.values[1].raw, "999");
  EXPECT_EQ(l.values[1].type, JsonType::number);
  EXPECT_EQ(l.values[2].raw, R"({"d":true,"e":[0, 0]})");
  for (const char* const other :
       {R"({"a":"x\\z","b":120,"c":{"d":true,"e":[1, 2]}})", R"({"a":"x\"z","b":120,"c":{"d":true,"e":[1, 2]}})",
        "{\"a\":\"x\x1fz\",\"b\":120,\"c\":{\"d\":true,\"e\":[1, 2]}}",
        R"({"a":"xé","b":120,"c":{"d":true,"e":[1, 2]}})", R"({"a":"xyz","b":012,"c":{"d":true,"e":[1, 2]}})",
        R"({"a":"xyz","b":1.2,"c":{"d":true,"e":[1, 2]}})", R"({"a":"xyz","b":-12,"c":{"d":true,"e":[1, 2]}})",
        R"({"a":"xyz","b":120,"c":{"d":null,"e":[1, 2]}})", R"({"a":"xyz","b":120,"c":{"d":true,"e":[1 ,2]}})",
        R"({"a":"xyz","b":120,"c":{"d":true,"e":[1, 22]}})", R"({"a":"xyz","b":120,"c":{"d":true,"e":[1, 2]}}})",
        R"({"a":"xyz","b":120,"c":{"d":true,"e":[1, 2]})"}) {
    EXPECT_FALSE(l.match(other)) << other;
  }
}

TEST(Shape, LearnsWhichValuesVary) {
  if (!Shape::supported()) GTEST_SKIP() << "this processor has no AVX2";
  Learnt l(fields_of({"a", "b"}), R"({"a":"xyz","b":120,"c":"fixed"})");
  l.add(R"({"a":"wxyz","b":120,"c":"FIXED"})");
  EXPECT_TRUE(l.match(R"({"a":"","b":345,"c":"other"})"));
  EXPECT_EQ(l.values[0].raw, R"("")");
  EXPECT_EQ(l.values[1].raw, "345");
  EXPECT_FALSE(l.match(R"({"a":"xyz","b":12,"c":"fixed"})")) << "b did not vary";
  l.add(R"({"a":"xyz","b":120,"c":"f\"xed"})");
  EXPECT_TRUE(l.match(R"({"a":1,"b":345,"c":null})"));
  EXPECT_FALSE(l.match(R"({"a":"xyz" ,"b":12 ,"c":"fixed"})"));
  l.add(R"({"a":"xyz","b":120 ,"c":"fixed"})");
  EXPECT_TRUE(l.match(R"({"a":"xyz" ,"b":1234 ,"c":"fixed"})"));
}

TEST(Shape, MatchesWhateverTheValuesAre) {
  if (!Shape::supported()) GTEST_SKIP() << "this processor has no AVX2";
  Learnt l(fields_of({"a", "b", "c", "c.d"}), R"({"a":"x","b":1,"c":{"d":true,"e":[1,2]}})");
  l.add(R"({"a":null,"b":12,"c":{"d":0,"e":["",-1]}})");
  EXPECT_TRUE(l.match(
      R"({"a":17.5e-3,"b":"a string of more than thirty-two bytes, so two steps","c":{"d":null,"e":["",false]}})"));
  EXPECT_EQ(l.values[0].raw, "17.5e-3");
  EXPECT_EQ(l.values[2].raw, R"({"d":null,"e":["",false]})");
  EXPECT_EQ(l.values[3].type, JsonType::null);
  EXPECT_TRUE(l.match(R"({"a":"\u00e9\"","b":0,"c":{"d":"é","e":[-1,2]}})"));
  EXPECT_TRUE(l.values[0].escaped);
  EXPECT_TRUE(l.match(R"({"a":"x","b":1,"c":{"d":true,"e":[1,2]}})" + std::string(70, ' ') + "\t\r\n "));
  EXPECT_FALSE(l.match(R"({"a":"x","b":1,"c":{"d":true,"e":[1,2]}})" + std::string(33, ' ') + ","));
  EXPECT_FALSE(l.match(R"({"a":"x","b":1,"c":{"d":true,"e":[1]}})")) << "another layout";
  EXPECT_FALSE(l.match(R"({"a":"x","b":1,"c":{"d":true,"e":[1,[]]}})"));
  EXPECT_TRUE(l.match(R"(  {"a":"x" ,"b":1   ,"c":{"d":true)" + std::string(70, ' ') + R"(,"e":[1,2)" + "\t\n ]}} "));
  EXPECT_EQ(l.values[2].raw.substr(0, 9), R"({"d":true)");
  EXPECT_TRUE(l.values[2].raw.ends_with("2\t\n ]}"));
  EXPECT_FALSE(l.match(R"({"a":"x","b":1, "c":{"d":true,"e":[1,2]}})"));
  EXPECT_FALSE(l.match(R"({"a":"x","b":01,"c":{"d":true,"e":[1,2]}})"));
  EXPECT_FALSE(l.match(R"({"a":"\x","b":1,"c":{"d":true,"e":[1,2]}})"));
  EXPECT_FALSE(l.match("{\"a\":\"\x80\",\"b\":1,\"c\":{\"d\":true,\"e\":[1,2]}}"));
  EXPECT_FALSE(l.match("{\"a\":\"\n\",\"b\":1,\"c\":{\"d\":true,\"e\":[1,2]}}"));
  EXPECT_FALSE(l.match(""));
}

TEST(Shape, ReadsNoByteBeyondThePadding) {
  if (!Shape::supported()) GTEST_SKIP() << "this processor has no AVX2";
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* map = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(map, MAP_FAILED);
  char* wall = static_cast<char*>(map) + page;
  ASSERT_EQ(mprotect(wall, page, PROT_NONE), 0);
  Learnt l(fields_of({"a"}), R"({"a":"x","b":[1234]})");
  Learnt fixed(fields_of({"a"}), R"({"a":"x","b":[1234]})");
  l.add(R"({"a":"xy","b":[1]})");
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string record = R"({"a":")" + std::string(random() % 200, 'x') + R"(","b":[1234]})";
    const bool cut = round % 2 == 0;
    if (cut) record.resize(1 + random() % (record.size() - 1));
    // In place of the padding: what would go on for ever.
    char* at = wall - kJsonPadding - record.size();
    std::memset(at, "x1 \\"[round % 4], static_cast<size_t>(wall - at));
    std::memcpy(at, record.data(), record.size());
    ASSERT_EQ(l.shape.match({at, record.size()}, l.values), !cut) << record;
    ASSERT_EQ(fixed.shape.match({at, record.size()}, l.values), !cut && record.size() == 20) << record;
  }
  munmap(map, 2 * page);
}

TEST(Shapes, ManyLayoutsCostOnlyTheirParsing) {
  const FieldSet fields = fields_of({"a"});
  Parser parser(fields);
  for (int i = 0; i < 20'000; ++i) {
    const std::string record = fmt::format(R"({{"k{}":{},"a":{}}})", i % 997, i, i);
    ASSERT_EQ(parser.parse(record, ""), fmt::format("{}[{}] ", static_cast<int>(JsonType::number), i));
  }
}

}  // namespace
}  // namespace streamutils
