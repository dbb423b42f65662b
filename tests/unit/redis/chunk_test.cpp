// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/chunk.hpp"

#include <gtest/gtest.h>

#include <charconv>

#include "lib/redis/chunk_body.hpp"

namespace streamutils::redis {
namespace {

/// The arguments of the one command in `bytes`, joined by blanks; checks the protocol's counts on the way.
std::string arguments(std::string_view bytes) {
  const auto number = [&] {
    size_t n = 0;
    const size_t end = bytes.find("\r\n");
    std::from_chars(bytes.data() + 1, bytes.data() + end, n);
    bytes.remove_prefix(end + 2);
    return n;
  };
  std::string out;
  for (size_t left = number(); left > 0; --left) {
    EXPECT_EQ(bytes.substr(0, 1), "$");
    const size_t size = number();
    if (!out.empty()) out += ' ';
    out += bytes.substr(0, size);
    EXPECT_EQ(bytes.substr(size, 2), "\r\n");
    bytes.remove_prefix(std::min(size + 2, bytes.size()));
  }
  EXPECT_EQ(bytes, "");
  return out;
}

std::string sealed(Chunk& chunk) {
  std::string out;
  const Status status = chunk.seal(out);
  EXPECT_TRUE(chunk.empty() || !status.ok());
  if (!status.ok()) return std::string(status.message());
  std::string command;
  EXPECT_EQ(append_chunk_command({"SHA", "seq", "7", "me"}, out, command).message(), "");
  return arguments(command);
}

TEST(Chunk, EmptyMovesTheSequenceOnly) {
  Chunk chunk{std::nullopt};
  EXPECT_EQ(sealed(chunk), "EVALSHA SHA 1 seq 7 me  0 0 0");
}

TEST(Chunk, HashesOfOneShapeShareTheirNames) {
  Chunk chunk{Duration{1'500'000}};
  const Field a[] = {{"x", "1"}, {"y", "2"}};
  const Field b[] = {{"x", "3"}, {"y", "4"}};
  chunk.hash_set("k1", a);
  chunk.hash_set("k2", b);
  chunk.hash_set("k1", b);
  EXPECT_EQ(sealed(chunk), "EVALSHA SHA 3 seq k1 k2 7 me HH 1500 0 1 2 x y h 2 1 1 2 H 3 4 h 2 1 3 4");
}

TEST(Chunk, OtherEffects) {
  Chunk chunk{std::nullopt};
  const std::string_view names[] = {"a", "b"};
  const Field fields[] = {{"f", "v"}};
  chunk.hash_delete("h", names);
  chunk.zset_add("z", "1.5", "m");
  chunk.zset_remove("z", "old");
  chunk.string_set("s", "text");
  chunk.string_delete("s");
  chunk.stream_append("t", fields);
  chunk.publish("c", "p1");
  chunk.publish("c", "p2");
  EXPECT_EQ(
      sealed(chunk),
      "EVALSHA SHA 5 seq h z s t 7 me hzst 0 1 c 1 1 f d 2 2 a b z 3 1.5 m y 3 old s 4 text x 4 a 5 1 v p 1 p1 p 1 p2");
}

TEST(Chunk, AddsUpCountersExactly) {
  Chunk chunk{std::nullopt};
  chunk.counter_add("c", *Decimal::parse("0.1"));
  chunk.counter_add("d", 5);
  chunk.counter_add("c", *Decimal::parse("0.2"));
  EXPECT_EQ(sealed(chunk), "EVALSHA SHA 3 seq c d 7 me cc 0 0 0 c 2 0.3 c 3 5");
}

TEST(Chunk, RefusesOneKeyOfTwoTypes) {
  Chunk chunk{std::nullopt};
  const Field fields[] = {{"f", "v"}};
  chunk.hash_set("k", fields);
  chunk.string_set("k", "v");
  EXPECT_EQ(sealed(chunk), "cannot write 'k': it would be both a hash and a string; give the targets different keys");
}

TEST(ChunkBody, WhateverChangesInItIsOneCommandOrNone) {
  Chunk chunk{Duration{1'500'000}};
  const Field fields[] = {{"x", "1"}, {"y", ""}};
  chunk.hash_set("k1", fields);
  chunk.publish("c", "p\r\n$1");
  std::string body;
  ASSERT_TRUE(chunk.seal(body).ok());
  for (size_t i = 0; i < body.size(); ++i) {
    for (const char c : {'0', '1', '9', '$', '*', '\r', '\n', '-', '\0', ' '}) {
      std::string changed = body;
      changed[i] = c;
      std::string command;
      if (append_chunk_command({"s", "k", "1", "2"}, changed, command).ok()) arguments(command);
    }
  }
}

TEST(PlainText, HasNoExponent) {
  const auto text = [](std::string_view number) { return plain_text(*Decimal::parse(number)).value_or("none"); };
  EXPECT_EQ(text("0"), "0");
  EXPECT_EQ(text("-12.50"), "-12.5");
  EXPECT_EQ(text("1e25"), "10000000000000000000000000");
  EXPECT_EQ(text("-1.25e22"), "-12500000000000000000000");
  EXPECT_EQ(text("1e-9"), "0.000000001");
  EXPECT_EQ(text("1.5e-9"), "0.0000000015");
  EXPECT_EQ(text("1e30"), "none");
  EXPECT_EQ(text("1e-31"), "none");
  EXPECT_EQ(text("1e300"), "none");
}

}  // namespace
}  // namespace streamutils::redis
