// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/parts.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace streamutils::ssink_file {
namespace {

/// The operations of a chunk as text.
struct Seen final : Operations {
  std::vector<std::string> calls;
  std::string last_bytes;
  Status write(std::string_view part, uint64_t offset, std::string_view bytes) override {
    calls.push_back(fmt::format("{} {}+{}", part, offset, bytes.size()));
    last_bytes = bytes;
    return {};
  }
  Status finish(std::string_view part, uint64_t length) override {
    calls.push_back(fmt::format("{} = {}", part, length));
    return {};
  }
};

struct Fixture {
  explicit Fixture(PartSettings settings) : parts(std::move(settings), clock, chunk) {}
  FakeClock clock;
  ChunkWriter chunk;
  Parts parts;
  std::vector<std::string> take() {
    Seen seen;
    uint64_t next = 0;
    EXPECT_TRUE(read_chunk(chunk.bytes(parts.next()), &next, seen).ok());
    chunk.clear();
    bytes = seen.last_bytes;
    return seen.calls;
  }
  std::string bytes;
};

constexpr Duration kMinute{60'000'000};
PartSettings settings() { return {.prefix = "p", .roll_size = 100, .roll_every = kMinute, .max_open = 2}; }

using Calls = std::vector<std::string>;

TEST(Parts, RollBySize) {
  Fixture f(settings());
  for (int i = 0; i < 21; ++i) ASSERT_TRUE(f.parts.write("", "123456789").ok());
  ASSERT_TRUE(f.parts.flush().ok());
  EXPECT_EQ(f.take(), (Calls{"p-00000001.ndjson 0+100", "p-00000001.ndjson = 100", "p-00000002.ndjson 0+100",
                             "p-00000002.ndjson = 100", "p-00000003.ndjson 0+10"}));
}

TEST(Parts, FlushedPiecesCountForTheSize) {
  Fixture f(settings());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(f.parts.write("", "123456789").ok());
    ASSERT_TRUE(f.parts.flush().ok());
  }
  EXPECT_EQ(f.take().back(), "p-00000001.ndjson = 100");
}

TEST(Parts, RollByTimeWhoseClockMayBeSetBack) {
  Fixture f(settings());
  f.clock.set_wall({1'000'000'000'000});
  EXPECT_FALSE(f.parts.deadline());
  ASSERT_TRUE(f.parts.write("a", "1").ok());
  EXPECT_EQ((*f.parts.deadline() - f.clock.mono()).us, kMinute.us);
  f.clock.advance(Duration{kMinute.us / 2});
  ASSERT_TRUE(f.parts.write("b", "1").ok());
  ASSERT_TRUE(f.parts.finish_due().ok());
  EXPECT_EQ(f.take(), Calls{});
  EXPECT_EQ((*f.parts.deadline() - f.clock.mono()).us, kMinute.us / 2);
  f.clock.set_wall({5});
  ASSERT_TRUE(f.parts.finish_due().ok());  // both begin their time again
  EXPECT_EQ(f.take(), Calls{});
  EXPECT_EQ((*f.parts.deadline() - f.clock.mono()).us, kMinute.us);
  f.clock.advance(kMinute);
  ASSERT_TRUE(f.parts.finish_due().ok());
  EXPECT_EQ(f.take().size(), 4u);
  EXPECT_FALSE(f.parts.deadline());
}

TEST(Parts, TheLeastRecentlyWrittenMakesRoom) {
  Fixture f(settings());
  for (const char* path : {"a", "b", "a", "c"}) ASSERT_TRUE(f.parts.write(path, "1").ok());
  EXPECT_EQ(f.take(), (Calls{"b/p-00000002.ndjson 0+2", "b/p-00000002.ndjson = 2"}));
  EXPECT_EQ(f.parts.open(), 2u);
}

TEST(Parts, AreRestoredInTheirOrder) {
  Fixture f(settings());
  for (const char* path : {"a", "b", "a"}) ASSERT_TRUE(f.parts.write(path, "1").ok());
  ASSERT_TRUE(f.parts.flush().ok());
  StateWriter state;
  f.parts.snapshot(state);
  Fixture g(settings());
  StateReader in(state.bytes());
  ASSERT_TRUE(g.parts.restore(in, [](const std::string&, uint64_t) { return Result<bool>(true); }).ok());
  ASSERT_TRUE(g.parts.write("c", "1").ok());
  ASSERT_TRUE(g.parts.write("a", "1").ok());
  ASSERT_TRUE(g.parts.flush().ok());
  EXPECT_EQ(g.take(), (Calls{"b/p-00000002.ndjson = 2", "a/p-00000001.ndjson 4+2", "c/p-00000003.ndjson 0+2"}));
  for (size_t size = 0; size < state.bytes().size(); ++size) {
    Fixture cut(settings());
    StateReader some(std::string_view(state.bytes()).substr(0, size));
    EXPECT_FALSE(cut.parts.restore(some, [](const std::string&, uint64_t) { return Result<bool>(true); }).ok()) << size;
  }
}

TEST(Parts, EachCompressedPieceIsWhole) {
  PartSettings gzip = settings();
  gzip.compression = Compression::gzip;
  gzip.roll_size = 1 << 20;
  Fixture f(gzip);
  std::string all;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(f.parts.write("", fmt::format("line {}", i)).ok());
    ASSERT_TRUE(f.parts.flush().ok());
    f.take();
    char out[100];
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(f.bytes.data());
    stream.avail_in = static_cast<uInt>(f.bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out);
    stream.avail_out = sizeof out;
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(std::string(out, stream.total_out), fmt::format("line {}\n", i));
    inflateEnd(&stream);
  }
}

}  // namespace
}  // namespace streamutils::ssink_file
