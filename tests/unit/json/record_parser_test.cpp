// SPDX-License-Identifier: Apache-2.0
#include "lib/json/record_parser.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "tests/support/json_reference.hpp"

namespace streamutils {
namespace {

/// Parses `record` with `after` as the bytes behind it.
struct Fixture {
  explicit Fixture(const std::vector<std::string>& paths, ParseLimits limits = {}) {
    for (const std::string& path : paths) EXPECT_TRUE(fields.add(path).ok());
    parser.emplace(fields, limits);
    values.resize(fields.size());
  }
  ParseError parse(std::string_view record, std::string_view after = "") {
    buffer.assign(record);
    buffer += after;
    buffer.append(kJsonPadding, '\0');
    return parser->parse(std::string_view(buffer).substr(0, record.size()), values);
  }
  std::string raw(size_t slot) const { return std::string(values[slot].raw); }

  FieldSet fields;
  std::optional<RecordParser> parser;
  std::vector<JsonValue> values;
  std::string buffer;
};

ParseError verdict(std::string_view record, ParseLimits limits = {}) {
  return Fixture({"wanted"}, limits).parse(record);
}

TEST(RecordParser, FindsFieldsOfEveryType) {
  Fixture f({"s", "n", "t", "z", "o", "a", "absent"});
  ASSERT_EQ(f.parse(R"( { "s" : "x" , "n":-1.5e3 ,"t":true,"z":null,"o":{ "k" : [1] } ,"a": [ 1 , {} ] } )"),
            ParseError::none);
  EXPECT_EQ(f.raw(0), R"("x")");
  EXPECT_EQ(f.values[0].type, JsonType::string);
  EXPECT_EQ(f.values[0].string_body(), "x");
  EXPECT_EQ(f.raw(1), "-1.5e3");
  EXPECT_EQ(f.values[1].type, JsonType::number);
  EXPECT_TRUE(f.values[2].is_true());
  EXPECT_EQ(f.values[3].type, JsonType::null);
  EXPECT_EQ(f.raw(4), R"({ "k" : [1] })");
  EXPECT_EQ(f.values[4].type, JsonType::object);
  EXPECT_EQ(f.raw(5), "[ 1 , {} ]");
  EXPECT_EQ(f.values[5].type, JsonType::array);
  EXPECT_EQ(f.values[6].type, JsonType::missing);
  EXPECT_TRUE(f.values[6].raw.empty());
}

TEST(RecordParser, NestedFieldsAlsoInsideAWantedObject) {
  Fixture f({"a.b", "a", "a.c.d", "x.y"});
  ASSERT_EQ(f.parse(R"({"a":{"z":[{"b":9}],"b":1 ,"c":{"d":"q"}},"x":3})"), ParseError::none);
  EXPECT_EQ(f.raw(0), "1");
  EXPECT_EQ(f.raw(1), R"({"z":[{"b":9}],"b":1 ,"c":{"d":"q"}})");
  EXPECT_EQ(f.raw(2), R"("q")");
  EXPECT_EQ(f.values[3].type, JsonType::missing);
}

TEST(RecordParser, OfDuplicatesTheFirstCounts) {
  Fixture f({"a", "b.c", "d.e"});
  ASSERT_EQ(f.parse(R"({"a":1,"a":2,"b":{"c":3,"c":4},"b":{"c":5},"d":7,"d":{"e":8}})"), ParseError::none);
  EXPECT_EQ(f.raw(0), "1");
  EXPECT_EQ(f.raw(1), "3");
  EXPECT_EQ(f.values[2].type, JsonType::missing);
}

TEST(RecordParser, KeysAreComparedUnescaped) {
  Fixture f({"user", "a\\.b", "\u00e9"});
  ASSERT_EQ(f.parse(R"({"\u0075ser":1,"a.b":2,"\u00e9":3})"), ParseError::none);
  EXPECT_EQ(f.raw(0), "1");
  EXPECT_EQ(f.raw(1), "2");
  EXPECT_EQ(f.raw(2), "3");
}

TEST(RecordParser, ReorderedRecordsAndManyFields) {
  std::vector<std::string> names;
  for (int i = 0; i < 80; ++i) names.push_back("field_with_a_long_name_" + std::to_string(i));
  names.push_back("x");
  Fixture f(names);
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    std::vector<size_t> order(names.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    order.resize(1 + random() % order.size());
    std::string record = "{";
    for (const size_t i : order) record += "\"" + names[i] + "\":" + std::to_string(i) + ",\"other\":{},";
    record.back() = '}';
    ASSERT_EQ(f.parse(record), ParseError::none);
    std::vector<bool> present(names.size());
    for (const size_t i : order) {
      present[i] = true;
      EXPECT_EQ(f.raw(i), std::to_string(i));
    }
    for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(f.values[i].type != JsonType::missing, present[i]);
  }
}

TEST(RecordParser, MarksEscapedStrings) {
  Fixture f({"a", "b"});
  ASSERT_EQ(f.parse(R"({"a":"x\ny","b":"xy"})"), ParseError::none);
  EXPECT_TRUE(f.values[0].escaped);
  EXPECT_FALSE(f.values[1].escaped);
}

TEST(RecordParser, AcceptsAnyNumberOfTheGrammar) {
  for (const char* number : {"0", "-0", "1e400", "1E-9999", "123456789012345678901234567890", "0.0", "-1.5e+3"}) {
    EXPECT_EQ(verdict(std::string(R"({"other":)") + number + "}"), ParseError::none) << number;
  }
  for (const char* number :
       {"01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "1.2.3", "--1", "1a", "NaN", "1 2", "-01"}) {
    EXPECT_EQ(verdict(std::string(R"({"other":)") + number + "}"), ParseError::not_json) << number;
  }
}

TEST(RecordParser, RejectsWhatIsMalformedWhereNobodyLooks) {
  for (const char* record : {R"({"a":1,"b":tru})",
                             R"({"a":1,"b":truee})",
                             R"({"a":1} x)",
                             R"({"a":1}{"b":2})",
                             R"({"a":1},)",
                             R"({"a":1)",
                             R"({"a":1,})",
                             R"({"a"})",
                             R"({"a":})",
                             R"({,"a":1})",
                             R"({"a":1 "b":2})",
                             R"({"a":[1,]})",
                             R"({"a":[,1]})",
                             R"({"a":[1 2]})",
                             R"({"a":[}]})",
                             R"({"a":[1})",
                             R"({"a":{"b":1]})",
                             R"({a:1})",
                             R"({"a":"x)",
                             R"({"a":"\x"})",
                             R"({"a":"\u12g4"})",
                             R"({"a":"\u123"})",
                             R"({"\q":1})",
                             "{\"a\":\"\x01\"}",
                             "{\"a\":\"x\ty\"}",
                             R"({"a":"x"y})",
                             R"({"a":"x""y"})",
                             R"({"a":tru"e"})",
                             R"({"a"::1})",
                             R"({"a":1\,"b":2})",
                             R"({\"a":1})",
                             R"({1:2})",
                             R"({null:2})",
                             "{\"a\":1\f}",
                             "{\"a\":1\x1a}",
                             "{\"a\"\x1a 1}",
                             "{",
                             "}",
                             "[",
                             "\"",
                             "-",
                             "tru",
                             "",
                             " ",
                             "\r\n",
                             "\xEF\xBB\xBF{}",
                             "1 2",
                             "[1,"}) {
    EXPECT_EQ(verdict(record), ParseError::not_json) << record;
  }
  EXPECT_EQ(verdict(std::string_view("{\"a\":\0}", 7)), ParseError::not_json);
  EXPECT_EQ(verdict(std::string_view("{\"a\":1}\0", 8)), ParseError::not_json);
  EXPECT_EQ(verdict(std::string_view("\0{\"a\":1}", 8)), ParseError::not_json);
  EXPECT_EQ(verdict(std::string_view("\0", 1)), ParseError::not_json);
}

TEST(RecordParser, ValuesThatAreNoObject) {
  for (const char* record : {"[]", "[1,{}]", "1", "\"x\"", "null", " true "}) {
    EXPECT_EQ(verdict(record), ParseError::not_object) << record;
  }
}

TEST(RecordParser, BadUtf8) {
  for (const char* bytes : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_EQ(verdict(std::string("{\"a\":\"") + bytes + "\"}"), ParseError::bad_utf8);
  }
  EXPECT_EQ(verdict("{\"a\":\"\xf4\x8f\xbf\xbf\"}"), ParseError::none);
}

TEST(RecordParser, DepthIsLimitedWithoutUsingTheStack) {
  const auto nested = [](size_t arrays) {
    return "{\"a\":" + std::string(arrays, '[') + std::string(arrays, ']') + "}";
  };
  EXPECT_EQ(verdict(nested(63)), ParseError::none);
  EXPECT_EQ(verdict(nested(64)), ParseError::too_deep);
  EXPECT_EQ(verdict(nested(10'000)), ParseError::too_deep);
  EXPECT_EQ(verdict(std::string(400'000, '[')), ParseError::too_deep);
  EXPECT_EQ(verdict(nested(200'000), {.max_depth = 1'000'000}), ParseError::none);
  EXPECT_EQ(verdict("[[1]]", {.max_depth = 1}), ParseError::too_deep);
  EXPECT_EQ(Fixture({"a.b"}, {.max_depth = 1}).parse(R"({"a":{"b":1}})"), ParseError::too_deep);
}

TEST(RecordParser, SizeIsLimited) {
  const std::string record = "{\"a\":\"" + std::string(3'000'000, 'x') + "\"}";
  EXPECT_EQ(verdict(record), ParseError::too_large);
  EXPECT_EQ(verdict(record, {.max_bytes = record.size()}), ParseError::none);
  EXPECT_EQ(verdict(record, {.max_bytes = record.size() - 1}), ParseError::too_large);
}

TEST(RecordParser, TheNextRecordNeverCompletesThisOne) {
  const std::string record = R"({"a":[1,{"b":"x\"y"}],"c":true,"d":-12.5,"e":null})";
  Fixture f({"a", "d", "e"});
  for (size_t cut = 0; cut < record.size(); ++cut) {
    EXPECT_EQ(f.parse(record.substr(0, cut), record.substr(cut)), ParseError::not_json) << cut;
  }
  for (const char* after : {"}", "5", "\"", ",", "\\", "\x80"}) EXPECT_EQ(f.parse(record, after), ParseError::none);
}

TEST(RecordParser, ReadsNoByteBeyondThePadding) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* map = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(map, MAP_FAILED);
  char* wall = static_cast<char*>(map) + page;
  ASSERT_EQ(mprotect(wall, page, PROT_NONE), 0);
  Fixture f({"a"});
  for (size_t size = 8; size < 300; ++size) {
    const std::string record = "{\"a\":\"" + std::string(size - 8, 'x') + "\"}";
    char* at = wall - kJsonPadding - record.size();
    std::memcpy(at, record.data(), record.size());
    ASSERT_EQ(f.parser->parse({at, record.size()}, f.values), ParseError::none);
  }
  munmap(map, 2 * page);
}

TEST(RecordParser, MembersInOrderWithDuplicates) {
  Fixture f({});
  const std::string record = R"({ "a" : 1 , "\u0061":[2] ,"b":"x"})" + std::string(kJsonPadding, ' ');
  std::vector<RecordParser::Member> members;
  ASSERT_EQ(f.parser->parse_members(std::string_view(record).substr(0, record.size() - kJsonPadding), members),
            ParseError::none);
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].raw_key, "\"a\"");
  EXPECT_EQ(members[0].value.raw, "1");
  EXPECT_EQ(members[1].raw_key, R"("\u0061")");
  EXPECT_EQ(members[1].value.raw, "[2]");
  EXPECT_EQ(members[2].value.raw, "\"x\"");
}

/// Changes a few bytes of good records and compares every verdict and every member with the reference reader.
TEST(RecordParser, AgreesWithTheReferenceOnMutatedRecords) {
  const std::string seeds[] = {
      R"({"a":1,"b":{"c":[1,2.5e3,"x\n\u00e9"],"a":null},"wanted":true,"d":"long enough to cross a block of sixty-four"})",
      R"( {"user_id":"abc-123","n":-0.5,"o":{},"l":[],"m":[[],[{}]],"wanted":{"x":false}} )",
      "{\"é\":\"\xf0\x9f\x98\x80\"}"};
  constexpr std::string_view kBytes = "{}[]:,\"\\ \t\n0123456789-+.eEtruefalsnu/bx\x01\x80\xc3";
  std::mt19937 random(20260131);
  Fixture f({"wanted"});
  std::vector<RecordParser::Member> members;
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string record = seeds[random() % std::size(seeds)];
    for (size_t edits = random() % 4; edits > 0; --edits) {
      const size_t at = random() % record.size();
      const char byte = kBytes[random() % kBytes.size()];
      if (random() % 3 == 0) {
        record.erase(at, 1 + random() % 3);
      } else if (random() % 2 == 0) {
        record[at] = byte;
      } else {
        record.insert(at, 1, byte);
      }
      if (record.empty()) record = "{";
    }
    const auto expected = reference::Reader(record, ParseLimits{}.max_depth).members();
    ASSERT_EQ(f.parse(record, "}]\"1") == ParseError::none, expected.has_value()) << record;
    const std::string_view view = std::string_view(f.buffer).substr(0, record.size());
    ASSERT_EQ(f.parser->parse_members(view, members) == ParseError::none, expected.has_value()) << record;
    if (!expected) continue;
    ++accepted;
    ASSERT_EQ(members.size(), expected->size());
    for (size_t i = 0; i < members.size(); ++i) {
      ASSERT_EQ(members[i].raw_key, (*expected)[i].raw_key) << record;
      ASSERT_EQ(members[i].value.raw, (*expected)[i].raw_value) << record;
    }
  }
  EXPECT_GT(accepted, 50'000);
}

TEST(FieldSet, PathsAndSlots) {
  FieldSet fields;
  EXPECT_EQ(*fields.add("a.b"), 0u);
  EXPECT_EQ(*fields.add("a\\.b"), 1u);
  EXPECT_EQ(*fields.add("a.b"), 0u);
  EXPECT_EQ(*fields.add("c\\d"), 2u);
  EXPECT_EQ(fields.size(), 3u);
  EXPECT_EQ(fields.parts(0), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fields.parts(1), std::vector<std::string>{"a.b"});
  for (size_t slot = 0; slot < fields.size(); ++slot) EXPECT_EQ(*fields.add(fields.text(slot)), slot);
}

TEST(FieldSet, EmptyPartsAreUsageErrors) {
  FieldSet fields;
  for (const char* path : {"", ".", "a.", ".a", "a..b"}) {
    const auto slot = fields.add(path);
    ASSERT_FALSE(slot.ok()) << path;
    EXPECT_EQ(slot.status().code(), Code::usage);
  }
  EXPECT_EQ(fields.size(), 0u);
}

}  // namespace
}  // namespace streamutils
