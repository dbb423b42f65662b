// SPDX-License-Identifier: Apache-2.0
// A sink that dies at any of its calls, before or behind what the call does, is started again until the stream ends:
// the server must hold what it holds after a quiet run.
#include <filesystem>
#include <random>

#include "lib/checkpoint/sink_member.hpp"
#include "lib/stream/control_json.hpp"
#include "tests/helpers/item_recorder.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/unit/ssink-redis/fixture.hpp"
#include "tools/ssink-redis/sink.hpp"

namespace streamutils::ssink_redis {
namespace {

using checkpoint::TransactionalSink;

constexpr size_t kRecords = 60, kEpoch = 7;

/// Fails at the call number `at`, from 1, before or behind it.
class FaultySink final : public TransactionalSink {
 public:
  FaultySink(TransactionalSink& sink, size_t at, bool behind) : sink_(sink), at_(at), behind_(behind) {}
  [[nodiscard]] bool failed_once() const { return calls_ >= at_; }

  Status on_open(Open& open, Output& out) override {
    return call([&] { return sink_.on_open(open, out); });
  }
  Status on_records(const Batch& batch, Output& out) override {
    return call([&] { return sink_.on_records(batch, out); });
  }
  Status on_watermark(const Watermark& item, Output& out) override { return sink_.on_watermark(item, out); }
  Status on_barrier(const Barrier& item, Output& out) override { return sink_.on_barrier(item, out); }
  Status on_end(const End& item, Output& out) override {
    return call([&] { return sink_.on_end(item, out); });
  }
  [[nodiscard]] bool stateful() const override { return true; }
  Status snapshot(StateWriter& out) const override { return sink_.snapshot(out); }
  Status restore(StateReader& in) override {
    return call([&] { return sink_.restore(in); });
  }
  void spool_to(TakeChunk take) override { sink_.spool_to(std::move(take)); }
  Status cut() override {
    return call([&] { return sink_.cut(); });
  }
  Result<Cursor> fence(const checkpoint::SinkIdentity& identity, const Expected& expected) override {
    Cursor cursor;
    STREAM_TRY(call([&]() -> Status {
      STREAM_ASSIGN(cursor, sink_.fence(identity, expected));
      return {};
    }));
    return cursor;
  }
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk) override {
    return call([&] { return sink_.apply(after, at, chunk); });
  }
  Status drain() override {
    return call([&] { return sink_.drain(); });
  }

 private:
  template <class Function>
  Status call(Function function) {
    const bool now = ++calls_ == at_;
    if (now && !behind_) return failed("fault");
    STREAM_TRY(function());
    return now ? failed("fault") : Status();
  }
  TransactionalSink& sink_;
  size_t at_, calls_ = 0;
  bool behind_;
};

class NoWait final : public checkpoint::Patience {
 public:
  Status pause(Duration) override { return {}; }
  [[nodiscard]] bool input_closed() const override { return false; }
};

/// Revisions, corrections and withdrawals, always the same; every record depends on those before it.
std::string record(size_t i) {
  const int window = static_cast<int>(i / 20) * 60, revision = static_cast<int>(i % 20 / 5);
  return result("u" + std::to_string(i % 5), window, window + 60, fmt::format(R"(,"n":{}.{})", i * 37 % 100, i % 10),
                revision, i % 20 == 17);
}

class ExactlyOnce : public testing::Test {
 protected:
  ExactlyOnce() { options_.hash = "h:{k}:{window_start}"; }
  ~ExactlyOnce() override { std::filesystem::remove_all(folder_); }

  /// A new pipeline and an empty server.
  void begin() {
    std::filesystem::remove_all(folder_);
    folder_ = redis::make_test_folder("checkpoint-test");
    server_.ask({"FLUSHALL"});
    options_.url = "unix://" + server_.url().path;
    options_.zset = "top";
    options_.score = "n";
    options_.member = "{k}:{window_start}";
    options_.counter = "total:{k}";
    options_.by = "n";
    options_.string = "s:{k}:{window_start}";
    options_.stream = "events";
  }

  /// One start of the pipeline, whose sink fails at its call number `fault`. Sets *faulty when it came to that.
  Status start(size_t fault, bool behind, bool* faulty) {
    auto files = checkpoint::posix_file_system();
    STREAM_ASSIGN(const auto store, checkpoint::open_directory_store(folder_ + "/c", *files));
    NullLog log;
    SystemClock clock;
    Metrics metrics;
    Units units;
    Context context{clock, log, metrics, units};
    NoWait patience;
    ItemRecorder out(units);
    STREAM_ASSIGN(const auto sink, RedisSink::create(options_, context, {}));
    FaultySink faulty_sink(*sink, fault, behind);
    checkpoint::SinkMember member(faulty_sink, {.program = "ssink-redis", .start = {}}, *store, patience, context);
    Status status = feed(member, *store, units, out);
    *faulty = faulty_sink.failed_once();
    return status;
  }
  Status feed(Operator& member, checkpoint::ObjectStore& store, Units& units, Output& out) {
    Open open;
    open.run = fmt::format("run{}", ++runs_);
    open.stages = {{"1", "skafka-cat", false, store.place()}, {"2", "ssink-redis", true, store.place()}};
    open.sources = {{"t/0", 0, kRecords}};
    open.time = TimeField{"window_end", TimeUnit::s, Duration{-1}};
    open.keys = {"k"};
    open.results = true;
    STREAM_TRY(member.on_open(open, out));
    STREAM_ASSIGN(const auto newest, checkpoint::newest_manifest(store));
    STREAM_ASSIGN(const auto manifest, checkpoint::read_manifest(store, newest.value_or(0)));
    if (manifest.kind == checkpoint::Manifest::Kind::finished) return member.on_end({.fire = false}, out);
    uint64_t epoch = manifest.number;
    size_t position = manifest.positions.empty() ? 0 : static_cast<size_t>(manifest.positions.front().second);
    const UnitId unit = units.id("t/0");
    const auto positions = [&] {
      return std::vector<std::pair<std::string, int64_t>>{{"t/0", static_cast<int64_t>(position)}};
    };
    BatchBuilder builder;
    while (position < kRecords) {
      builder.clear(unit);
      for (const size_t stop = std::min(kRecords, position + 3); position < stop; ++position) {
        builder.append(record(position));
      }
      STREAM_TRY(member.on_records(builder.batch(), out));
      if (position % 20 == 0)
        STREAM_TRY(member.on_watermark({unit, EventTime{static_cast<int64_t>(position) * 1'000'000}}, out));
      if (position % kEpoch < 3 && position < kRecords) STREAM_TRY(member.on_barrier({++epoch, positions()}, out));
    }
    return member.on_end({.fire = true, .last_epoch = ++epoch, .positions = positions()}, out);
  }

  /// All that is not ours, one key a line.
  std::string dump() const {
    return RedisServer::text(server_.ask({"EVAL", R"(
      local keys, out = redis.call('KEYS', '*'), {}
      table.sort(keys)
      for _, key in ipairs(keys) do
        local kind, value = redis.call('TYPE', key).ok, {}
        if string.sub(key, 1, 12) ~= 'streamutils:' then
          if kind == 'hash' then value = redis.call('HGETALL', key) end
          if kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
          if kind == 'string' then value = {redis.call('GET', key)} end
          if kind == 'stream' then
            for i, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do value[i] = table.concat(entry[2], ' ') end
          end
          out[#out + 1] = key .. ' ' .. table.concat(value, ' ') .. '\n'
        end
      end
      return out)",
                                          "0"}));
  }
  std::string quiet_run() {
    begin();
    bool faulty = false;
    const Status status = start(SIZE_MAX, false, &faulty);
    EXPECT_TRUE(status.ok()) << status.message();
    return dump();
  }

  using RedisServer = redis::RedisServer;
  RedisServer server_{redis::kDurable};
  Options options_;
  std::string folder_;
  int runs_ = 0;
};

TEST_F(ExactlyOnce, AFaultAtEachCall) {
  const std::string expected = quiet_run();
  EXPECT_NE(expected.find("events window_start"), std::string::npos) << expected;
  for (const bool behind : {false, true}) {
    bool faulty = true;
    for (size_t fault = 1; faulty; ++fault) {
      begin();
      Status status = start(fault, behind, &faulty);
      ASSERT_EQ(status.ok(), !faulty) << status.message();
      if (faulty) {
        bool again = false;
        status = start(SIZE_MAX, false, &again);
        ASSERT_TRUE(status.ok()) << "behind a fault at call " << fault << ": " << status.message();
      }
      ASSERT_EQ(dump(), expected) << "fault at call " << fault << (behind ? ", behind it" : "");
    }
  }
}

TEST_F(ExactlyOnce, FaultsAndKilledServersOneAfterTheOther) {
  const std::string expected = quiet_run();
  std::mt19937 random(11);
  for (int round = 0; round < 25; ++round) {
    begin();
    int starts = 0;
    for (bool faulty = true; faulty;) {
      ASSERT_LT(++starts, 200);
      const Status status = start(1 + random() % (starts < 20 ? 30 : 300), random() % 2 == 0, &faulty);
      ASSERT_EQ(status.ok(), !faulty) << status.message();
      if (faulty && random() % 4 == 0) {
        server_.kill();
        server_.start();
      }
    }
    ASSERT_EQ(dump(), expected) << "round " << round;
    bool faulty = false;
    const Status status = start(SIZE_MAX, false, &faulty);
    ASSERT_TRUE(status.ok()) << "a stream that has ended for good: " << status.message();
    ASSERT_EQ(dump(), expected);
  }
}

}  // namespace
}  // namespace streamutils::ssink_redis
