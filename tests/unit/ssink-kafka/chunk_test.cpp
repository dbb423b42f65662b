// SPDX-License-Identifier: Apache-2.0
// What ssink-kafka leaves behind for later starts and versions: the chunks of a spool and the cursor's record.
#include "tools/ssink-kafka/chunk.hpp"

#include <gtest/gtest.h>

#include "tools/ssink-kafka/cursor.hpp"

namespace streamutils::ssink_kafka {
namespace {

using namespace std::string_literals;

TEST(Chunk, KeepsValuesAndKeysByteForByte) {
  ChunkWriter writer;
  EXPECT_TRUE(writer.empty());
  writer.add({.value = R"({"a":1})", .key = std::nullopt});
  writer.add({.value = "", .key = ""});
  writer.add({.value = "v\0w"s, .key = "k\n\xff"});
  EXPECT_FALSE(writer.empty());
  std::vector<KafkaMessage> messages;
  ASSERT_TRUE(read_chunk(writer.bytes(), messages).ok());
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].value, R"({"a":1})");
  EXPECT_FALSE(messages[0].key);
  EXPECT_EQ(messages[1].value, "");
  EXPECT_EQ(messages[1].key, "");
  EXPECT_EQ(messages[2].key, "k\n\xff");
  writer.clear();
  EXPECT_TRUE(writer.empty());
}

// The form is frozen: spools of this version are read by all later ones.
TEST(Chunk, FormIsFrozen) {
  ChunkWriter writer;
  writer.add({.value = "ab", .key = std::nullopt});
  writer.add({.value = "c", .key = "k"});
  const std::string frozen =
      "\x01"
      "\x00"
      "\x02\0\0\0\0\0\0\0"
      "ab"
      "\x01"
      "\x01\0\0\0\0\0\0\0"
      "k"
      "\x01\0\0\0\0\0\0\0"
      "c"s;
  EXPECT_EQ(writer.bytes(), frozen);
}

TEST(Chunk, IsFullByCountOrBySize) {
  ChunkWriter many;
  for (size_t i = 0; i < kChunkMessages; ++i) {
    EXPECT_FALSE(many.full());
    many.add({.value = "x", .key = std::nullopt});
  }
  EXPECT_TRUE(many.full());
  ChunkWriter large;
  large.add({.value = std::string(kChunkBytes, 'x'), .key = std::nullopt});
  EXPECT_TRUE(large.full());
}

TEST(Chunk, DamageIsAnErrorAndNeverAMessage) {
  ChunkWriter writer;
  writer.add({.value = "value", .key = "key"});
  const std::string whole = writer.bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    std::vector<KafkaMessage> messages;
    const Status status = read_chunk(std::string_view(whole).substr(0, size), messages);
    EXPECT_EQ(status.ok(), size == 1) << size;  // the version alone: no messages
    EXPECT_TRUE(messages.empty()) << size;
  }
  std::string other = whole;
  other[1] = 7;
  std::vector<KafkaMessage> messages;
  EXPECT_FALSE(read_chunk(other, messages).ok());
  other = whole;
  other[2] = '\xff';  // a length beyond the end
  other[9] = '\xff';
  EXPECT_FALSE(read_chunk(other, messages).ok());
  other = whole;
  other[0] = 2;
  EXPECT_EQ(read_chunk(other, messages).code(), Code::usage);
  EXPECT_TRUE(messages.empty());
}

TEST(Note, GoesThereAndBack) {
  const CursorNote note{.generation = 3, .cursor = {17, 2}};
  EXPECT_EQ(format_note(note), R"({"generation":3,"epoch":17,"chunk":2})");
  EXPECT_EQ(parse_note(format_note(note)), note);
  EXPECT_EQ(parse_note(R"({"later":{"x":1},"chunk":2,"epoch":17,"generation":3})"), note);
  const CursorNote last{.generation = UINT64_MAX, .cursor = {UINT64_MAX, UINT64_MAX}};
  EXPECT_EQ(parse_note(format_note(last)), last);
}

TEST(Note, AnythingElseIsNone) {
  for (const char* text : {"", "x", "{}", R"({"generation":3,"epoch":17})", R"({"generation":3,"epoch":17,"chunk":-1})",
                           R"({"generation":3,"epoch":1.5,"chunk":2})", R"({"generation":"3","epoch":17,"chunk":2})",
                           R"({"generation":3,"epoch":17,"chunk":99999999999999999999})"}) {
    EXPECT_FALSE(parse_note(text)) << text;
  }
}

}  // namespace
}  // namespace streamutils::ssink_kafka
