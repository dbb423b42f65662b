// SPDX-License-Identifier: Apache-2.0
#include "lib/json/text.hpp"

#include <gtest/gtest.h>

namespace streamutils {
namespace {

JsonValue value_of(std::string_view raw) {
  JsonValue value{JsonType::number, false, raw};
  if (raw.front() == '"') value.type = JsonType::string;
  if (raw.front() == 'n') value.type = JsonType::null;
  if (raw.front() == 't' || raw.front() == 'f') value.type = JsonType::boolean;
  if (raw.front() == '{') value.type = JsonType::object;
  if (raw.front() == '[') value.type = JsonType::array;
  value.escaped = raw.find('\\') != std::string_view::npos;
  return value;
}
std::string canonical(std::string_view raw) {
  std::string out;
  return append_canonical(out, value_of(raw)) ? out : "none" + out;
}
std::string unescaped(std::string_view body) {
  std::string out;
  append_unescaped(out, body);
  return out;
}
std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, StringsEscapeOnlyWhatTheyMust) {
  EXPECT_EQ(quoted("a\"b\\c/\n\t\r\b\f\x01\x1f\x7f\xc3\xa9"), R"("a\"b\\c/\n\t\r\b\f\u0001\u001f)"
                                                              "\x7f\xc3\xa9\"");
  EXPECT_EQ(quoted(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(quoted(""), R"("")");
}

TEST(JsonText, Unescapes) {
  EXPECT_EQ(unescaped(R"(a\"b\\c\/d\n\t\r\b\f)"), "a\"b\\c/d\n\t\r\b\f");
  EXPECT_EQ(unescaped(R"(\u0041\u00e9\u20AC\ud83d\ude00)"), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(unescaped(R"(\u0000)"), std::string(1, '\0'));
}

TEST(JsonText, LoneSurrogatesBecomeReplacements) {
  EXPECT_EQ(unescaped(R"(\ud83d)"), "\xef\xbf\xbd");
  EXPECT_EQ(unescaped(R"(\ude00x)"), "\xef\xbf\xbdx");
  EXPECT_EQ(unescaped(R"(\ud83d\u0041)"),
            "\xef\xbf\xbd"
            "A");
  EXPECT_EQ(unescaped(R"(\ud83d\ud83d\ude00)"), "\xef\xbf\xbd\xf0\x9f\x98\x80");
  EXPECT_EQ(unescaped(R"(\ud83d\n)"), "\xef\xbf\xbd\n");
}

TEST(JsonText, CanonicalScalars) {
  EXPECT_EQ(canonical(R"("\u0061")"), R"("a")");
  EXPECT_EQ(canonical(R"("\/\u000a\u0022")"), R"("/\n\"")");
  EXPECT_EQ(canonical("1.0"), "1");
  EXPECT_EQ(canonical("10e-1"), "1");
  EXPECT_EQ(canonical("-0"), "0");
  EXPECT_EQ(canonical("9007199254740993"), "9007199254740993");
  EXPECT_EQ(canonical("123456789012345678901234567890"), "1.2345678901234567890123456789e+29");
  EXPECT_EQ(canonical("null"), "null");
  EXPECT_EQ(canonical("true"), "true");
  EXPECT_NE(canonical("1"), canonical(R"("1")"));
}

TEST(JsonText, NoCanonicalFormAppendsNothing) {
  EXPECT_EQ(canonical("[1]"), "none");
  EXPECT_EQ(canonical("{}"), "none");
  EXPECT_EQ(canonical("1e401"), "none");
  std::string out = "kept";
  EXPECT_FALSE(append_canonical(out, JsonValue{}));
  EXPECT_EQ(out, "kept");
}

TEST(JsonText, MinifiesOutsideStrings) {
  std::string out = "x";
  append_minified(out, "{ \"a b\" :\t[ 1 ,\r\n 2 ] , \"\\\" \" : \" \" }\n");
  EXPECT_EQ(out, "x{\"a b\":[1,2],\"\\\" \":\" \"}");
  for (size_t size = 0; size < 200; ++size) {
    const std::string body(size, ' ');
    out.clear();
    append_minified(out, "[" + body + "\"" + body + "\"]");
    EXPECT_EQ(out, "[\"" + body + "\"]");
  }
}

TEST(JsonText, Utf8) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("\xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_valid_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_valid_utf8("abc\xc3"));
}

}  // namespace
}  // namespace streamutils
