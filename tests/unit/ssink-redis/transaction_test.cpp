// SPDX-License-Identifier: Apache-2.0
// The sink under a checkpoint: effects go to the spool, and to the server by apply() alone.
#include "lib/stream/state.hpp"
#include "tests/helpers/item_recorder.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/unit/ssink-redis/fixture.hpp"
#include "tools/ssink-redis/sink.hpp"

namespace streamutils::ssink_redis {
namespace {

class KeptLog final : public Log {
 public:
  void write(Level, std::string_view message) override { all += std::string(message) + "\n"; }
  std::string all;
};

/// One start of the sink, with the chunks that it has spooled.
struct Start {
  explicit Start(Options options, const std::string& url) {
    options.url = url;
    auto made = RedisSink::create(options, context, {});
    EXPECT_TRUE(made.ok()) << made.status().message();
    sink = *std::move(made);
    sink->spool_to([this](std::string_view chunk) {
      spool.emplace_back(chunk);
      return Status();
    });
    Open open;
    open.run = "r";
    open.stages = {{"1", "ssink-redis", true, "/c"}};
    open.results = true;
    open.keys = {"k"};
    open.time = TimeField{"window_end", TimeUnit::s, Duration{-1}};
    EXPECT_TRUE(sink->on_open(open, out).ok());
  }
  void feed(const std::vector<std::string>& records) {
    BatchBuilder builder;
    builder.clear(Units::kStream);
    for (const auto& record : records) builder.append(record);
    EXPECT_TRUE(sink->on_records(builder.batch(), out).ok());
    EXPECT_TRUE(sink->on_quiet(out).ok());
  }
  /// The spool of `epoch`, applied by generation `generation`; the spool is kept. The first generation finds nothing.
  Status apply(uint64_t generation, uint64_t epoch, Cursor after) {
    const Cursor last{epoch, spool.size()};
    if (generation == 1) {
      STREAM_TRY(sink->fence({"p", "ssink-redis", generation}, {.reset = true, .first = {}, .last = {}}).take_status());
    }
    auto stands = sink->fence({"p", "ssink-redis", generation}, {.first = after, .last = last});
    if (!stands.ok()) return stands.take_status();
    for (size_t i = 0; i < spool.size(); ++i) {
      const Cursor at{epoch, i + 1};
      STREAM_TRY(sink->apply(after, at, spool[i]));
      after = at;
    }
    return sink->drain();
  }
  std::string snapshot() const {
    StateWriter state;
    EXPECT_TRUE(sink->snapshot(state).ok());
    return state.bytes();
  }
  Status restore(const std::string& bytes) {
    StateReader state(bytes);
    return sink->restore(state);
  }

  SystemClock clock;
  KeptLog log;
  Metrics metrics;
  Units units;
  Context context{clock, log, metrics, units};
  ItemRecorder out{units};
  std::unique_ptr<RedisSink> sink;
  std::vector<std::string> spool;
};

Options targets() {
  Options options;
  options.hash = "h:{k}:{window_start}";
  options.zset = "z:{window_start}";
  options.score = "n";
  options.member = "{k}";
  options.counter = "total";
  options.by = "n";
  options.string = "s:{k}";
  options.stream = "events";
  return options;
}

std::string url(const redis::RedisServer& server) { return "unix://" + server.url().path; }

TEST(Transaction, NothingReachesTheServerBeforeApply) {
  Start start(targets(), "unix:///nowhere/at/all");
  start.feed({result("a", 0, 60, R"(,"n":1)", 0)});
  EXPECT_TRUE(start.spool.empty()) << "a chunk is cut when it is full, or by cut()";
  EXPECT_FALSE(start.sink->deadline());
  Barrier barrier;
  EXPECT_TRUE(start.sink->on_barrier(barrier, start.out).ok());
  EXPECT_TRUE(start.sink->cut().ok());
  EXPECT_EQ(start.spool.size(), 1U);
  EXPECT_TRUE(start.sink->cut().ok());
  EXPECT_EQ(start.spool.size(), 1U) << "no effects, no chunk";
}

TEST(Transaction, ChunksAreBounded) {
  Start start(targets(), "unix:///nowhere/at/all");
  std::vector<std::string> records;
  for (int i = 0; i < 1500; ++i) records.push_back(result(std::to_string(i), 0, 60, R"(,"n":1)", 0));
  start.feed(records);
  EXPECT_TRUE(start.sink->cut().ok());
  EXPECT_EQ(start.spool.size(), 3U);
  start.spool.clear();
  const std::string large = fmt::format(R"(,"n":1,"text":"{}")", std::string(100'000, 'x'));
  records.clear();
  for (int i = 0; i < 12; ++i) records.push_back(result("large" + std::to_string(i), 0, 60, large, 0));
  start.feed(records);
  EXPECT_TRUE(start.sink->cut().ok());
  EXPECT_GT(start.spool.size(), 3U);
  for (const auto& chunk : start.spool) EXPECT_LT(chunk.size(), 1U << 20);
}

TEST(Transaction, CorrectionsGoOnBehindARestart) {
  redis::RedisServer server;
  Start first(targets(), url(server));
  first.feed({result("a", 0, 60, R"(,"n":1.5,"old":true)", 0), result("b", 0, 60, R"(,"n":2)", 0)});
  ASSERT_TRUE(first.sink->cut().ok());
  const std::string state = first.snapshot();
  Status status = first.apply(1, 5, {});
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(server.words({"GET", "total"}), "3.5");

  // The start after it redoes the spool, and reads the second epoch twice, since it dies before the decision.
  const std::vector<std::string> more = {result("a", 0, 60, R"(,"n":4)", 1), result("b", 0, 60, R"(,"n":2)", 1, true)};
  Start dies(targets(), url(server));
  dies.spool = first.spool;
  ASSERT_TRUE(dies.apply(2, 5, {}).ok());
  ASSERT_TRUE(dies.restore(state).ok());
  dies.feed(more);
  Start second(targets(), url(server));
  second.spool = first.spool;
  ASSERT_TRUE(second.apply(3, 5, {}).ok());
  second.spool.clear();
  ASSERT_TRUE(second.restore(state).ok());
  second.feed(more);
  ASSERT_TRUE(second.sink->cut().ok());
  status = second.apply(3, 6, {5, 1});
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(server.words({"GET", "total"}), "4");
  EXPECT_EQ(server.words({"ZRANGE", "z:0", "0", "-1", "WITHSCORES"}), "[a 4]");
  EXPECT_EQ(server.words({"HEXISTS", "h:a:0", "old"}), "0");
  EXPECT_EQ(server.words({"EXISTS", "h:b:0", "s:b"}), "0");
  EXPECT_EQ(server.words({"XLEN", "events"}), "4");
  EXPECT_EQ(server.words({"HMGET", "streamutils:{p}:ssink-redis", "generation", "epoch", "chunk"}), "[3 6 1]");

  dies.spool.clear();
  ASSERT_TRUE(dies.sink->cut().ok());
  status = dies.sink->apply({5, 1}, {6, 1}, dies.spool.at(0));
  if (status.ok()) status = dies.sink->drain();
  EXPECT_EQ(status.code(), Code::fenced) << status.message();
  EXPECT_EQ(server.words({"GET", "total"}), "4");
}

TEST(Transaction, OtherTemplatesAreRefusedWhileResultsAreOpen) {
  Start before(targets(), "unix:///nowhere");
  before.feed({result("a", 0, 60, R"(,"n":1)", 0)});
  const std::string state = before.snapshot();
  const auto restored = [&](auto change) {
    Options options = targets();
    change(options);
    Start start(options, "unix:///nowhere");
    const Status status = start.restore(state);
    EXPECT_TRUE(status.ok() || status.code() == Code::usage);
    return status.ok() ? start.log.all : std::string(status.message());
  };
  const std::string behind =
      ", and 1 open result was written under the earlier one; give the earlier one, or start the pipeline with --fresh";
  EXPECT_EQ(restored([](Options&) {}), "");
  EXPECT_EQ(restored([](Options& o) { o.stream.reset(); }), "") << "events are not remembered";
  EXPECT_EQ(restored([](Options& o) { o.hash = "x:{k}"; }),
            "--hash was 'h:{k}:{window_start}' when the checkpoint was made and is 'x:{k}' now" + behind);
  EXPECT_EQ(restored([](Options& o) { o.string.reset(); }),
            "--string was 's:{k}' when the checkpoint was made and is not given now" + behind);
  EXPECT_EQ(restored([](Options& o) { o.member = "{k}!"; }),
            "--member was '{k}' when the checkpoint was made and is '{k}!' now" + behind);
  EXPECT_EQ(restored([](Options& o) { o.by = "m"; }),
            "--by was 'n' when the checkpoint was made and is 'm' now" + behind);
}

TEST(Transaction, OtherTemplatesAreFineWhenNothingIsRemembered) {
  Options plain = targets();
  plain.string.reset();
  Start before(plain, "unix:///nowhere");
  before.feed({result("a", 0, 60, R"(,"n":1)", 0)});
  Start added(targets(), "unix:///nowhere");
  ASSERT_TRUE(added.restore(before.snapshot()).ok());
  EXPECT_EQ(added.log.all,
            "--string 's:{k}' was not there when the checkpoint was made: it gets what comes from now on\n");
  added.feed({result("a", 0, 60, R"(,"n":2)", 1)});

  EXPECT_TRUE(before.sink->on_watermark({Units::kStream, EventTime{100'000'000}}, before.out).ok());
  Options other = targets();
  other.hash = "other";
  Start changed(other, "unix:///nowhere");
  EXPECT_TRUE(changed.restore(before.snapshot()).ok());
}

TEST(Transaction, ASnapshotThatIsCutShortIsRefused) {
  Start before(targets(), "unix:///nowhere");
  before.feed({result("a", 0, 60, R"(,"n":1)", 0)});
  const std::string state = before.snapshot();
  for (size_t size = 0; size < state.size(); ++size) {
    Start start(targets(), "unix:///nowhere");
    EXPECT_FALSE(start.restore(state.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace streamutils::ssink_redis
