// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "lib/json/record_parser.hpp"
#include "lib/window/key_reader.hpp"
#include "lib/window/key_table.hpp"

namespace streamutils::window {
namespace {

/// The key of `record`, or the reason why there is none after a '!'.
std::string key_of(std::string record, const std::vector<std::string>& paths) {
  FieldSet fields;
  std::vector<size_t> slots;
  for (const std::string& path : paths) slots.push_back(*fields.add(path));
  const size_t size = record.size();
  record.append(kJsonPadding, ' ');
  std::vector<JsonValue> values(fields.size());
  RecordParser parser(fields);
  EXPECT_EQ(parser.parse(std::string_view(record).substr(0, size), values), ParseError::none);
  KeyReader reader(slots);
  std::string text;
  std::string_view key;
  const std::string_view why = reader.read(values, text, key);
  return why.empty() ? std::string(key) : '!' + std::string(why);
}

TEST(KeyReader, KeysAreEqualWhenTheirValuesAre) {
  EXPECT_EQ(key_of(R"({"k":"a"})", {"k"}), R"("a")");
  EXPECT_EQ(key_of(R"({"k":"\u0061"})", {"k"}), R"("a")");
  EXPECT_EQ(key_of(R"({"k":1.0})", {"k"}), "1");
  EXPECT_EQ(key_of(R"({"k":10e-1})", {"k"}), "1");
  EXPECT_EQ(key_of(R"({"k":"1"})", {"k"}), R"("1")");
  EXPECT_EQ(key_of(R"({"k":null})", {"k"}), "null");
  EXPECT_EQ(key_of(R"({"k":1,"k":2})", {"k"}), "1") << "the first of duplicates";
}

TEST(KeyReader, SeveralFieldsAndNestedOnes) {
  EXPECT_EQ(key_of(R"({"a":{"b":true},"c":"x,y"})", {"c", "a.b"}), R"("x,y",true)");
  EXPECT_EQ(key_of(R"({"a":1})", {}), "");
}

TEST(KeyReader, ReasonsWhenThereIsNoKey) {
  EXPECT_EQ(key_of(R"({"a":1})", {"k"}), "!missing_key");
  EXPECT_EQ(key_of(R"({"k":[1]})", {"k"}), "!bad_key");
  EXPECT_EQ(key_of(R"({"k":{}})", {"k"}), "!bad_key");
  EXPECT_EQ(key_of(R"({"k":1e999})", {"k"}), "!bad_key");
  EXPECT_EQ(key_of(R"({"k":")" + std::string(kMaxKeyBytes, 'x') + "\"}", {"k"}), "!key_too_large");
  EXPECT_EQ(key_of(R"({"a":"\n)" + std::string(3000, 'x') + R"(","b":")" + std::string(2000, 'x') + "\"}", {"a", "b"}),
            "!key_too_large");
}

TEST(SplitKey, CutsAtCommasOutsideStrings) {
  std::string_view parts[3];
  split_key(R"("a,\"b\\",1,null)", parts);
  EXPECT_EQ(parts[0], R"("a,\"b\\")");
  EXPECT_EQ(parts[1], "1");
  EXPECT_EQ(parts[2], "null");
}

TEST(KeyTable, EqualTextIsOneKey) {
  KeyTable<int> table;
  const KeyId a = table.intern("a"), b = table.intern("b");
  EXPECT_NE(a, b);
  EXPECT_EQ(table.intern("a"), a);
  EXPECT_EQ(table.find("b"), b);
  EXPECT_FALSE(table.find("c").has_value());
  EXPECT_EQ(table.size(), 2u);
}

TEST(KeyTable, AnErasedKeyComesBackEmpty) {
  KeyTable<int> table;
  const KeyId a = table.intern("a");
  table[a] = 7;
  table.erase(a);
  EXPECT_FALSE(table.find("a").has_value());
  EXPECT_EQ(table[table.intern("z")], 0);
  EXPECT_EQ(table[table.intern("a")], 0);
  EXPECT_EQ(table.size(), 2u);
}

TEST(KeyTable, SortsByBytesAndRemovesDoubles) {
  KeyTable<int> table;
  std::mt19937 random(7);
  std::vector<KeyId> ids;
  std::vector<std::string> texts;
  for (int i = 0; i < 2000; ++i) {
    // Long common beginnings, prefixes of each other, bytes above 127 and zero.
    std::string text = "\"campaign_0000";
    for (size_t n = random() % 12; n > 0; --n) text += static_cast<char>("\0ab\xc3\xff"[random() % 5]);
    texts.push_back(text);
    ids.push_back(table.intern(text));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  table.sort(ids);
  ASSERT_EQ(ids.size(), texts.size());
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(table.text(ids[i]), texts[i]);
}

}  // namespace
}  // namespace streamutils::window
