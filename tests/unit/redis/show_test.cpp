// SPDX-License-Identifier: Apache-2.0
// Chunks that are shown before their epoch is decided: taken back to the last detail when it never is, and otherwise as
// good as applied.
#include <random>

#include "lib/redis/chunk.hpp"
#include "lib/redis/fenced_writer.hpp"
#include "lib/redis/script.hpp"
#include "tests/support/redis_server.hpp"

namespace streamutils::redis {
namespace {

constexpr std::string_view kKey = "streamutils:{pipe}:ssink-redis";

class ShowTest : public testing::Test {
 protected:
  FencedWriter writer(uint64_t generation, Cursor first, Cursor last, Commit commit = Commit::now) {
    return {{.url = server_.url(), .neighbour_died = {}},
            {"pipe", "ssink-redis", generation},
            {.first = first, .last = last},
            clock_,
            log_,
            commit};
  }
  /// Everything but the cursor: value and expiry of each key.
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& key : server_.ask({"KEYS", "[hzsct]:*"}).items) {
      std::string value;
      switch (key.text.front()) {
        case 'h': {
          std::map<std::string, std::string> fields;
          const auto items = server_.ask({"HGETALL", key.text}).items;
          for (size_t i = 0; i + 1 < items.size(); i += 2) fields[items[i].text] = items[i + 1].text;
          for (const auto& [name, text] : fields) value += fmt::format("{}={} ", name, text);
          break;
        }
        case 'z':
          value = server_.words({"ZRANGE", key.text, "0", "-1", "WITHSCORES"});
          break;
        case 't':
          value = server_.words({"XRANGE", key.text, "-", "+"});
          break;
        default:
          value = server_.words({"GET", key.text});
      }
      all[key.text] = value + " until " + server_.words({"PEXPIRETIME", key.text});
    }
    return all;
  }
  std::string cursor() const {
    return server_.words({"HMGET", kKey, "generation", "epoch", "chunk", "shown_epoch", "shown_chunk"});
  }

  RedisServer server_;
  SystemClock clock_;
  NullLog log_;
};

/// Chunks on few keys, so that they meet, of every operation; `fixed_life`: expiry that does not depend on now.
class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}
  size_t below(size_t n) { return random_() % n; }
  std::string body(bool upserts_only, bool may_expire = true) {
    Chunk chunk{may_expire && below(3) == 0 ? std::optional(Duration{3'600'000'000}) : std::nullopt};
    for (size_t n = 1 + below(12); n > 0; --n) operation(chunk, upserts_only);
    std::string out;
    EXPECT_TRUE(chunk.seal(out).ok());
    return out;
  }

 private:
  void operation(Chunk& chunk, bool upserts_only) {
    const std::string number = std::to_string(below(3)), value = std::to_string(random_());
    const std::string a = "f" + std::to_string(below(3)), b = "f" + std::to_string(3 + below(3));
    const Field fields[] = {{a, value}, {b, "x\0\r\n\xff"}};
    const std::string_view names[] = {a, b};
    switch (below(upserts_only ? 6 : 8)) {
      case 0:
        return chunk.hash_set("h:" + number, fields);
      case 1:
        return chunk.hash_delete("h:" + number, names);
      case 2:
        return chunk.zset_add("z:" + number, fmt::format("{}.{}", below(9), below(99)), a);
      case 3:
        return chunk.zset_remove("z:" + number, a);
      case 4:
        return chunk.string_set("s:" + number, value);
      case 5:
        return chunk.string_delete("s:" + number);
      case 6:
        return chunk.counter_add("c:" + number, Decimal(static_cast<int64_t>(below(100))));
      default:
        return chunk.stream_append("t:" + number, fields);
    }
  }
  std::mt19937 random_;
};

TEST_F(ShowTest, WhatIsNeverDecidedIsTakenBackToTheLastDetail) {
  Draw draw(11);
  uint64_t generation = 0, epoch = 0;
  Cursor stands;
  size_t shown = 0;
  for (int round = 0; round < 150; ++round) {
    FencedWriter w = writer(++generation, {}, stands);
    ASSERT_TRUE(w.fence().ok());
    // Some of it is decided …
    for (size_t chunks = draw.below(4), n = 0; n < chunks; ++n) {
      const Cursor at{n == 0 ? epoch + 1 : epoch, n + 1};
      epoch = at.epoch;
      const std::string body = draw.body(false);
      ASSERT_TRUE(w.show(stands, at, body).ok());
      ASSERT_TRUE(w.apply(stands, at, body).ok());
      stands = at;
    }
    ASSERT_TRUE(w.drain().ok());
    const auto before = contents();
    // … and what follows never is, in up to three epochs.
    Cursor last = stands;
    for (size_t epochs = draw.below(4), e = 0; e < epochs; ++e) {
      ++epoch;
      for (size_t chunks = 1 + draw.below(12), n = 1; n <= chunks; ++n, ++shown) {
        ASSERT_TRUE(w.show(last, {epoch, n}, draw.body(false)).ok());
        last = {epoch, n};
      }
    }
    ASSERT_TRUE(w.flush().ok());
    if (draw.below(3) == 0) {
      ASSERT_EQ(w.reconnects(), 0u);
    }
    FencedWriter next = writer(++generation, {}, stands, draw.below(2) == 0 ? Commit::now : Commit::epoch);
    const auto at = next.fence();
    ASSERT_TRUE(at.ok()) << at.status().message();
    EXPECT_EQ(*at, stands);
    auto after = contents();
    // An empty stream stays where there was none.
    std::erase_if(after, [&](const auto& entry) {
      return entry.first.starts_with("t:") && !before.contains(entry.first) && entry.second.starts_with("[]");
    });
    ASSERT_EQ(after, before) << "round " << round;
    for (const auto& field : server_.ask({"HKEYS", kKey}).items)
      EXPECT_FALSE(field.text.starts_with("undo")) << field.text;
  }
  EXPECT_GT(shown, 1000u);
}

TEST_F(ShowTest, ShownAndDecidedIsAsGoodAsApplied) {
  RedisServer other;
  Draw draw(5), twin(5);
  FencedWriter now = writer(1, {}, {});
  FencedWriter later({.url = other.url(), .neighbour_died = {}}, {"pipe", "ssink-redis", 1}, {}, clock_, log_);
  ASSERT_TRUE(now.fence().ok());
  ASSERT_TRUE(later.fence().ok());
  Cursor stands;
  for (uint64_t epoch = 1; epoch <= 60; ++epoch) {
    std::vector<std::string> bodies(1 + draw.below(5));
    static_cast<void>(twin.below(5));
    Cursor last = stands;
    for (size_t n = 0; n < bodies.size(); ++n) {
      bodies[n] = draw.body(true);
      ASSERT_EQ(bodies[n], twin.body(true));
      ASSERT_TRUE(now.show(last, {epoch, n + 1}, bodies[n]).ok());
      last = {epoch, n + 1};
    }
    if (epoch % 3 == 0) server_.ask({"CLIENT", "KILL", "TYPE", "normal"});
    for (size_t n = 0; n < bodies.size(); ++n) {
      for (FencedWriter* w : {&now, &later}) ASSERT_TRUE(w->apply(stands, {epoch, n + 1}, bodies[n]).ok());
      stands = {epoch, n + 1};
    }
    ASSERT_TRUE(now.drain().ok());
    ASSERT_TRUE(later.drain().ok());
    EXPECT_EQ(cursor(), fmt::format("[1 {0} {1} {0} {1}]", epoch, bodies.size()));
    for (const char* key : {"h:0", "h:1", "h:2"}) {
      for (const char* field : {"f0", "f1", "f2", "f3", "f4", "f5"}) {
        ASSERT_EQ(server_.words({"HGET", key, field}), other.words({"HGET", key, field}));
      }
    }
    for (const char* key : {"z:0", "z:1", "z:2"}) {
      ASSERT_EQ(server_.words({"ZRANGE", key, "0", "-1", "WITHSCORES"}),
                other.words({"ZRANGE", key, "0", "-1", "WITHSCORES"}));
    }
    for (const char* key : {"s:0", "s:1", "s:2"}) ASSERT_EQ(server_.words({"GET", key}), other.words({"GET", key}));
  }
  EXPECT_EQ(server_.words({"HLEN", kKey}), "5") << "nothing is kept of what was settled";
}

TEST_F(ShowTest, AnOlderGenerationShowsNothing) {
  Draw draw(1);
  FencedWriter old = writer(1, {}, {});
  ASSERT_TRUE(old.fence().ok());
  ASSERT_TRUE(old.show({0, 0}, {1, 1}, draw.body(true)).ok());
  ASSERT_TRUE(old.flush().ok());
  FencedWriter young = writer(2, {}, {});
  ASSERT_TRUE(young.fence().ok());
  EXPECT_TRUE(contents().empty());
  Status status = old.show({1, 1}, {1, 2}, draw.body(true));
  if (status.ok()) status = old.flush();
  EXPECT_EQ(status.exit_code(), 2) << status.message();
  EXPECT_NE(status.message().find("generation 2"), std::string_view::npos) << status.message();
  EXPECT_TRUE(contents().empty());
}

TEST_F(ShowTest, ASpoolOfAnEarlierStartIsAppliedBehindWhatIsTakenBack) {
  Draw draw(2);
  const std::string first = draw.body(true, false), second = draw.body(true, false);
  FencedWriter w = writer(1, {}, {});
  ASSERT_TRUE(w.fence().ok());
  ASSERT_TRUE(w.show({0, 0}, {1, 1}, first).ok());
  ASSERT_TRUE(w.flush().ok());
  const auto decided = contents();
  ASSERT_TRUE(w.show({1, 1}, {2, 1}, second).ok());
  ASSERT_TRUE(w.flush().ok());
  // Epoch 1 was decided, and the start ended before it had said so here.
  FencedWriter next = writer(2, {}, {1, 1});
  auto at = next.fence();
  ASSERT_TRUE(at.ok());
  EXPECT_EQ(*at, Cursor());
  EXPECT_TRUE(contents().empty());
  ASSERT_TRUE(next.apply({0, 0}, {1, 1}, first).ok());
  ASSERT_TRUE(next.drain().ok());
  EXPECT_EQ(contents(), decided);
  EXPECT_EQ(cursor(), "[2 1 1 1 1]");
}

TEST_F(ShowTest, AServerThatHasLostTheSettlingAloneIsNoticed) {
  Draw draw(4);
  const std::string first = draw.body(true, false);
  FencedWriter w = writer(1, {}, {});
  ASSERT_TRUE(w.fence().ok());
  ASSERT_TRUE(w.show({0, 0}, {1, 1}, first).ok());
  ASSERT_TRUE(w.flush().ok());
  const std::string before = server_.ask({"DUMP", kKey}).text;
  ASSERT_TRUE(w.apply({0, 0}, {1, 1}, first).ok());
  ASSERT_TRUE(w.drain().ok());
  const auto decided = contents();
  ASSERT_EQ(server_.words({"RESTORE", kKey, "0", before, "REPLACE"}), "OK");
  server_.ask({"CLIENT", "KILL", "TYPE", "normal"});
  Status status = w.show({1, 1}, {2, 1}, draw.body(true));
  if (status.ok()) status = w.flush();
  EXPECT_EQ(status.exit_code(), 1) << "worth a restart: " << status.message();
  EXPECT_NE(status.message().find("went back in time"), std::string_view::npos) << status.message();
  FencedWriter next = writer(2, {}, {1, 1});
  ASSERT_TRUE(next.fence().ok());
  ASSERT_TRUE(next.apply({0, 0}, {1, 1}, first).ok());
  ASSERT_TRUE(next.drain().ok());
  EXPECT_EQ(contents(), decided);
}

TEST_F(ShowTest, WhatTheCursorHasPassedIsNeverTakenBack) {
  Draw draw(6);
  FencedWriter w = writer(1, {}, {});
  ASSERT_TRUE(w.fence().ok());
  const std::string first = draw.body(true, false), second = draw.body(true, false);
  ASSERT_TRUE(w.show({0, 0}, {1, 1}, first).ok());
  ASSERT_TRUE(w.flush().ok());
  const std::string undo = server_.ask({"HGET", kKey, "undo 1-1"}).text;
  ASSERT_FALSE(undo.empty());
  ASSERT_TRUE(w.apply({0, 0}, {1, 1}, first).ok());
  ASSERT_TRUE(w.drain().ok());
  server_.ask({"HSET", kKey, "undo 1-1", undo});
  const auto decided = contents();
  FencedWriter next = writer(2, {1, 1}, {1, 1});
  ASSERT_TRUE(next.fence().ok());
  EXPECT_EQ(contents(), decided);
  // And settling drops whatever it has passed.
  server_.ask({"HSET", kKey, "undo 1-1", undo});
  ASSERT_TRUE(next.apply({1, 1}, {9, 1}, second).ok());
  ASSERT_TRUE(next.drain().ok());
  EXPECT_EQ(server_.words({"HLEN", kKey}), "5");
}

TEST_F(ShowTest, AKeyThatSomebodyHasMadeSomethingElseIsNotTouched) {
  Chunk chunk{std::nullopt};
  const Field fields[] = {{"a", "1"}};
  chunk.string_set("s:0", "shown");
  chunk.hash_set("h:0", fields);
  std::string body;
  ASSERT_TRUE(chunk.seal(body).ok());
  FencedWriter w = writer(1, {}, {});
  ASSERT_TRUE(w.fence().ok());
  ASSERT_TRUE(w.show({0, 0}, {1, 1}, body).ok());
  ASSERT_TRUE(w.flush().ok());
  server_.ask({"DEL", "h:0"});
  server_.ask({"SET", "h:0", "foreign"});
  FencedWriter next = writer(2, {}, {});
  const auto stands = next.fence();
  EXPECT_EQ(stands.status().exit_code(), 1);
  EXPECT_NE(stands.status().message().find("'h:0' was made something else by somebody; delete it"),
            std::string_view::npos)
      << stands.status().message();
  EXPECT_EQ(server_.words({"GET", "s:0"}), "shown") << "all of it or nothing";
  server_.ask({"DEL", "h:0"});
  FencedWriter again = writer(3, {}, {});
  ASSERT_TRUE(again.fence().ok());
  EXPECT_EQ(server_.words({"DBSIZE"}), "1") << "the cursor";
}

TEST_F(ShowTest, AUserWhoMayNotReadShowsNothing) {
  server_.ask({"ACL", "SETUSER", "u", "on", ">p", "~*", "&*", "+@all", "-hmget"});
  const std::string sha = server_.words({"SCRIPT", "LOAD", kShowScript});
  server_.ask({"HSET", kKey, "generation", "1", "shown_epoch", "0", "shown_chunk", "0", "epoch", "0", "chunk", "0"});
  WriterSettings settings{.url = server_.url(), .neighbour_died = {}};
  settings.url.user = "u";
  settings.url.password = "p";
  FencedWriter w(settings, {"pipe", "ssink-redis", 1}, {}, clock_, log_, Commit::now);
  const auto stands = w.fence();
  EXPECT_EQ(stands.status().exit_code(), 2) << stands.status().message();
  EXPECT_TRUE(contents().empty());
}

}  // namespace
}  // namespace streamutils::redis
