// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/fenced_writer.hpp"

#include <random>

#include "lib/redis/chunk.hpp"
#include "lib/redis/chunk_body.hpp"
#include "lib/redis/script.hpp"
#include "tests/support/redis_server.hpp"

namespace streamutils::redis {
namespace {

using Expected = CursorLedger::Expected;

constexpr std::string_view kKey = "streamutils:{pipe}:ssink-redis";

class KeptLog final : public Log {
 public:
  void write(Level, std::string_view message) override { all += std::string(message) + "\n"; }
  std::string all;
};

class FencedWriterTest : public testing::Test {
 protected:
  FencedWriter writer(uint64_t generation, Expected expected = {}, Duration retry_for = Duration{30'000'000}) {
    return {{.url = server_.url(), .retry_for = retry_for, .neighbour_died = {}},
            {"pipe", "ssink-redis", generation},
            std::move(expected),
            clock_,
            log_};
  }
  static Expected between(Cursor first, Cursor last) { return {.reset = false, .first = first, .last = last}; }
  /// Adds 1 to `total` and appends `event` to the stream `events`.
  static std::string body(std::string_view event = "e") {
    Chunk chunk{std::nullopt};
    const Field fields[] = {{"event", event}};
    chunk.counter_add("total", 1);
    chunk.stream_append("events", fields);
    std::string out;
    EXPECT_TRUE(chunk.seal(out).ok());
    return out;
  }
  std::string total() const { return server_.words({"GET", "total"}); }
  std::string cursor() const { return server_.words({"HMGET", kKey, "generation", "epoch", "chunk"}); }

  RedisServer server_;
  SystemClock clock_;
  KeptLog log_;
};

std::string message(const Status& status) { return std::string(status.message()); }
#define EXPECT_SAYS(status, code_, text)                                                            \
  do {                                                                                              \
    const Status& says_status_ = (status);                                                          \
    EXPECT_EQ(says_status_.code(), code_) << says_status_.message();                                \
    EXPECT_NE(says_status_.message().find(text), std::string_view::npos) << says_status_.message(); \
  } while (false)

TEST_F(FencedWriterTest, CountsEachChunkOnce) {
  FencedWriter w = writer(1);
  auto stands = w.fence();
  ASSERT_TRUE(stands.ok()) << message(stands.status());
  EXPECT_EQ(*stands, Cursor());
  EXPECT_EQ(cursor(), "[1 0 0]");
  ASSERT_TRUE(w.apply({0, 0}, {1, 1}, body()).ok());
  ASSERT_TRUE(w.apply({0, 0}, {1, 1}, body()).ok()) << "again, perhaps still under way";
  ASSERT_TRUE(w.apply({1, 1}, {1, 2}, body()).ok());
  ASSERT_TRUE(w.drain().ok());
  ASSERT_TRUE(w.apply({1, 1}, {1, 2}, body()).ok());
  ASSERT_TRUE(w.apply({1, 2}, {5, 1}, body()).ok()) << "epochs without effects have no chunks";
  ASSERT_TRUE(w.drain().ok());
  EXPECT_EQ(total(), "3");
  EXPECT_EQ(cursor(), "[1 5 1]");
  EXPECT_EQ(server_.words({"TTL", kKey}), "-1");
  EXPECT_SAYS(w.apply({5, 2}, {6, 1}, body()), Code::failed, "stands at epoch 5, chunk 1");

  FencedWriter next = writer(2, between({1, 2}, {5, 3}));
  stands = next.fence();
  ASSERT_TRUE(stands.ok()) << message(stands.status());
  EXPECT_EQ(*stands, (Cursor{5, 1}));
  ASSERT_TRUE(next.apply({1, 2}, {5, 1}, body()).ok()) << "a spool is redone from its beginning";
  ASSERT_TRUE(next.apply({5, 1}, {5, 2}, body()).ok());
  ASSERT_TRUE(next.apply({5, 2}, {5, 3}, body()).ok());
  ASSERT_TRUE(next.drain().ok());
  EXPECT_EQ(total(), "5");
  EXPECT_EQ(cursor(), "[2 5 3]");
}

TEST_F(FencedWriterTest, TheScriptItselfCountsEachChunkOnce) {
  FencedWriter w = writer(3);
  ASSERT_TRUE(w.fence().ok());
  const std::string sha = server_.words({"SCRIPT", "LOAD", kCursorScript});
  const auto run = [&](std::string_view generation, std::string_view step) {
    std::string command;
    EXPECT_TRUE(append_chunk_command({sha, kKey, generation, step}, body(), command).ok());
    return RedisServer::text(server_.ask_raw(command));
  };
  EXPECT_EQ(run("3", "0-0 9-1"), "1");
  EXPECT_EQ(run("3", "0-0 9-1"), "0");
  EXPECT_EQ(run("3", "9-1 10-1"), "1") << "10 is behind 9";
  EXPECT_EQ(run("3", "9-1 9-2"), "0");
  EXPECT_EQ(run("3", "10-2 10-3"), "[CURSOR 3 10 1]");
  EXPECT_EQ(run("2", "10-1 10-2"), "[CURSOR 3 10 1]");
  EXPECT_EQ(run("2", "0-0 9-1"), "[CURSOR 3 10 1]");
  EXPECT_EQ(run("4", "10-1 10-2"), "[CURSOR 3 10 1]");
  server_.ask({"HDEL", kKey, "chunk"});
  EXPECT_EQ(run("3", "10-1 10-2"), "[CURSOR 3 10 nil]");
  server_.ask({"DEL", kKey});
  EXPECT_EQ(run("3", "0-0 1-1"), "[CURSOR nil nil nil]");
  EXPECT_EQ(total(), "2");
}

TEST_F(FencedWriterTest, AnOlderGenerationWritesNoMore) {
  FencedWriter old = writer(1);
  ASSERT_TRUE(old.fence().ok());
  ASSERT_TRUE(old.apply({0, 0}, {1, 1}, body()).ok());
  ASSERT_TRUE(old.drain().ok());
  FencedWriter young = writer(2, between({1, 1}, {1, 1}));
  ASSERT_TRUE(young.fence().ok());
  Status status = old.apply({1, 1}, {1, 2}, body());
  if (status.ok()) status = old.drain();
  EXPECT_SAYS(status, Code::fenced, "generation 2");
  EXPECT_EQ(total(), "1");
  FencedWriter late = writer(1, between({1, 1}, {1, 1}));
  EXPECT_SAYS(late.fence().take_status(), Code::fenced, "generation 2");
  FencedWriter late_reset = writer(1, {.reset = true});
  EXPECT_SAYS(late_reset.fence().take_status(), Code::fenced, "generation 2");
  ASSERT_TRUE(young.apply({1, 1}, {1, 2}, body()).ok());
  ASSERT_TRUE(young.drain().ok());
  EXPECT_EQ(total(), "2");
  EXPECT_EQ(cursor(), "[2 1 2]");
}

TEST_F(FencedWriterTest, AnOlderGenerationIsAlsoRefusedWhenItConnectsAgain) {
  FencedWriter old = writer(1);
  ASSERT_TRUE(old.fence().ok());
  FencedWriter young = writer(2);
  ASSERT_TRUE(young.fence().ok());
  server_.ask({"CLIENT", "KILL", "TYPE", "normal"});
  Status status = old.apply({0, 0}, {1, 1}, body());
  if (status.ok()) status = old.drain();
  EXPECT_SAYS(status, Code::fenced, "generation 2");
  EXPECT_EQ(old.reconnects(), 0U);
  EXPECT_EQ(total(), "nil");
}

TEST_F(FencedWriterTest, ACursorThatIsGone) {
  FencedWriter w = writer(1);
  ASSERT_TRUE(w.fence().ok());
  ASSERT_TRUE(w.apply({0, 0}, {1, 1}, body()).ok());
  ASSERT_TRUE(w.drain().ok());
  server_.ask({"DEL", kKey});
  Status status = w.apply({1, 1}, {1, 2}, body());
  if (status.ok()) status = w.drain();
  EXPECT_SAYS(status, Code::usage, "is gone from redis at unix://");
  EXPECT_EQ(total(), "1");
  FencedWriter next = writer(2, between({1, 1}, {1, 2}));
  EXPECT_SAYS(next.fence().take_status(), Code::usage, "--fresh");
  EXPECT_EQ(cursor(), "[nil nil nil]") << "a refusal writes nothing";
  FencedWriter fresh = writer(2, {.reset = true});
  ASSERT_TRUE(fresh.fence().ok());
  EXPECT_EQ(cursor(), "[2 0 0]");
}

TEST_F(FencedWriterTest, ACursorThatWasSetBackOrIsAhead) {
  FencedWriter w = writer(1);
  ASSERT_TRUE(w.fence().ok());
  ASSERT_TRUE(w.apply({0, 0}, {7, 1}, body()).ok());
  ASSERT_TRUE(w.apply({7, 1}, {7, 2}, body()).ok());
  ASSERT_TRUE(w.drain().ok());
  server_.ask({"HSET", kKey, "chunk", "1"});
  Status status = w.apply({7, 2}, {8, 1}, body());
  if (status.ok()) status = w.drain();
  EXPECT_SAYS(status, Code::failed, "went back in time");
  EXPECT_EQ(total(), "2");

  FencedWriter older = writer(2, between({7, 2}, {8, 4}));
  EXPECT_SAYS(older.fence().take_status(), Code::usage, "was set back in time: it stands at epoch 7, chunk 1");
  FencedWriter ahead = writer(2, between({6, 9}, {6, 9}));
  EXPECT_SAYS(ahead.fence().take_status(), Code::usage, "is ahead of the checkpoint");
  EXPECT_EQ(cursor(), "[1 7 1]");
  FencedWriter rewound = writer(2, {.reset = true, .first = {}, .last = {6, 9}});
  auto stands = rewound.fence();
  ASSERT_TRUE(stands.ok()) << message(stands.status());
  EXPECT_EQ(*stands, (Cursor{6, 9}));
  EXPECT_EQ(cursor(), "[2 6 9]");
  server_.ask({"HSET", kKey, "epoch", "six"});
  FencedWriter damaged = writer(3, between({6, 9}, {6, 9}));
  EXPECT_EQ(damaged.fence().status().code(), Code::usage);
}

TEST_F(FencedWriterTest, AServerThatMayEvictTheCursorIsRefused) {
  server_.ask({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  FencedWriter unlimited = writer(1);
  EXPECT_TRUE(unlimited.fence().ok()) << "without maxmemory nothing is evicted";
  server_.ask({"CONFIG", "SET", "maxmemory", "100mb"});
  FencedWriter refused = writer(2);
  EXPECT_SAYS(refused.fence().take_status(), Code::usage, "'allkeys-lru'");
  EXPECT_EQ(cursor(), "[1 0 0]") << "the generation before goes on";
  server_.ask({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"});
  FencedWriter allowed = writer(2);
  EXPECT_TRUE(allowed.fence().ok());
  EXPECT_EQ(log_.all, "");
}

TEST_F(FencedWriterTest, WithoutTheRightToSeeThePolicyItWarns) {
  server_.ask({"CONFIG", "SET", "maxmemory", "100mb"});
  server_.ask({"ACL", "SETUSER", "u", "on", ">p", "~*", "&*", "+@all", "-config"});
  WriterSettings settings{.url = server_.url(), .neighbour_died = {}};
  settings.url.user = "u";
  settings.url.password = "p";
  const checkpoint::SinkIdentity identity{"pipe", "ssink-redis", 1};
  FencedWriter info_alone(settings, identity, {}, clock_, log_);
  EXPECT_TRUE(info_alone.fence().ok());
  EXPECT_EQ(log_.all, "");
  server_.ask({"CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"});
  FencedWriter refused(settings, identity, {}, clock_, log_);
  EXPECT_SAYS(refused.fence().take_status(), Code::usage, "'allkeys-lfu'");
  server_.ask({"ACL", "SETUSER", "u", "-info"});
  FencedWriter neither(settings, identity, {}, clock_, log_);
  EXPECT_TRUE(neither.fence().ok());
  EXPECT_NE(log_.all.find("neither INFO nor CONFIG GET"), std::string::npos);
  server_.ask({"ACL", "SETUSER", "u", "resetkeys", "~other*"});
  FencedWriter no_key(settings, identity, {}, clock_, log_);
  EXPECT_EQ(no_key.fence().status().code(), Code::usage);
}

TEST_F(FencedWriterTest, AServerThatIsAwayIsAnErrorInTheEnd) {
  server_.kill();
  FencedWriter w = writer(1, {}, Duration{200'000});
  EXPECT_SAYS(w.fence().take_status(), Code::failed, "cannot reach redis");
}

TEST_F(FencedWriterTest, DamagedBodiesNeverReachTheServer) {
  FencedWriter w = writer(1);
  ASSERT_TRUE(w.fence().ok());
  const std::string whole = body();
  std::string out;
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(append_chunk_command({"s", "k", "1", "2"}, whole.substr(0, size), out).ok()) << size;
  }
  EXPECT_FALSE(append_chunk_command({"s", "k", "1", "2"}, whole + "*1\r\n$8\r\nFLUSHALL\r\n", out).ok());
  EXPECT_FALSE(append_chunk_command({"s", "k", "1", "2"}, "redis-chunk 1 18446744073709551615 0 4\n", out).ok());
  EXPECT_EQ(out, "");
  EXPECT_SAYS(append_chunk_command({"s", "k", "1", "2"}, "redis-chunk 2 0 0 4\n", out), Code::failed, "version 2");
  EXPECT_FALSE(w.apply({0, 0}, {1, 1}, whole.substr(1)).ok());
}

/// Chunks for a server that is killed again and again: with replies on their way, and with commands on theirs.
TEST(FencedWriterFaults, KilledMidWayNothingIsLostOrTwice) {
  RedisServer server(kDurable);
  SystemClock clock;
  NullLog log;
  std::mt19937 random(7);
  WriterSettings settings{.url = server.url(), .neighbour_died = {}};
  Cursor stands;
  uint64_t applied = 0, reconnects = 0;
  for (uint64_t generation = 1; generation <= 3; ++generation) {
    FencedWriter w(settings, {"pipe", "m", generation}, {.first = stands, .last = stands}, clock, log);
    auto found = w.fence();
    ASSERT_TRUE(found.ok()) << found.status().message();
    ASSERT_EQ(*found, stands);
    for (int round = 0; round < 5; ++round) {
      const unsigned fault = random() % 3, n = 1 + random() % 7;
      if (fault == 1) server.stop_answering();
      for (unsigned i = 0; i < n; ++i) {
        Chunk chunk{std::nullopt};
        const std::string number = std::to_string(++applied);
        const Field fields[] = {{"n", number}};
        chunk.counter_add("total", *Decimal::parse("0.1"));
        chunk.stream_append("events", fields);
        chunk.hash_set("h" + number, fields);
        std::string body;
        ASSERT_TRUE(chunk.seal(body).ok());
        const Cursor at{stands.epoch + (random() % 4 == 0 || stands.chunk == 0 ? 1 : 0), stands.chunk + 1};
        const Cursor to = at.epoch == stands.epoch ? at : Cursor{at.epoch, 1};
        ASSERT_TRUE(w.apply(stands, to, body).ok());
        stands = to;
      }
      if (fault == 2) usleep(3'000);  // the server has worked, its replies are not read
      if (fault == 1) server.answer_again();
      server.kill();
      server.start();
      if (round % 2 == 0) {
        const Status status = w.drain();
        ASSERT_TRUE(status.ok()) << status.message();
      }
    }
    const Status status = w.drain();
    ASSERT_TRUE(status.ok()) << status.message();
    reconnects += w.reconnects();
  }
  EXPECT_GT(reconnects, 5U);
  EXPECT_EQ(server.words({"XLEN", "events"}), std::to_string(applied));
  EXPECT_EQ(server.words({"GET", "total"}), *plain_text(Decimal::parse(std::to_string(applied) + "e-1").value()));
  EXPECT_EQ(server.words({"HMGET", "streamutils:{pipe}:m", "generation", "epoch", "chunk"}),
            fmt::format("[3 {} {}]", stands.epoch, stands.chunk));
  uint64_t due = 0;  // in order
  for (const Reply& entry : server.ask({"XRANGE", "events", "-", "+"}).items) {
    ASSERT_EQ(RedisServer::text(entry.items.at(1)), fmt::format("[n {}]", ++due));
  }
}

TEST(FencedWriterFaults, AServerThatForgetsIsNotWrittenOn) {
  RedisServer server;  // keeps nothing
  SystemClock clock;
  NullLog log;
  FencedWriter w({.url = server.url(), .neighbour_died = {}}, {"pipe", "m", 1}, {}, clock, log);
  ASSERT_TRUE(w.fence().ok());
  Chunk chunk{std::nullopt};
  chunk.counter_add("total", 1);
  std::string body;
  ASSERT_TRUE(chunk.seal(body).ok());
  ASSERT_TRUE(w.apply({0, 0}, {1, 1}, body).ok());
  ASSERT_TRUE(w.drain().ok());
  server.kill();
  server.start();
  Status status = w.apply({1, 1}, {1, 2}, body);
  if (status.ok()) status = w.drain();
  EXPECT_SAYS(status, Code::usage, "is gone");
  EXPECT_EQ(server.words({"DBSIZE"}), "0");
}

}  // namespace
}  // namespace streamutils::redis
