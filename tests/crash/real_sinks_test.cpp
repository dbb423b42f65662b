// SPDX-License-Identifier: Apache-2.0
// The same pipeline into a real Redis and into real files: stopped wherever the sink touches its store, it leaves there
// in the end what an undisturbed run does.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/crash/results.hpp"
#include "tests/support/redis_server.hpp"
#include "tools/ssink-file/options.hpp"
#include "tools/ssink-file/sink.hpp"
#include "tools/ssink-redis/options.hpp"
#include "tools/ssink-redis/sink.hpp"

namespace streamutils::crash {
namespace {

using Contents = std::map<std::string, std::vector<std::string>>;

/// A sink's own store, as a test sees it.
class Store {
 public:
  virtual ~Store() = default;
  virtual void empty() = 0;
  virtual void use(World& world) = 0;
  virtual Contents contents() = 0;
};

class RedisStore final : public Store {
 public:
  explicit RedisStore(redis::Commit commit) : commit_(commit) {}
  void empty() override { ASSERT_EQ(server_.words({"FLUSHALL"}), "OK"); }
  void use(World& world) override {
    world.main_program = "ssink-redis";
    world.main_sink = [this](Context& context) -> Result<std::unique_ptr<checkpoint::TransactionalSink>> {
      ssink_redis::Options options;
      options.url = "unix://" + server_.url().path;
      options.commit = commit_;
      options.hash = "h:{k}:{window_start}";
      if (commit_ == redis::Commit::now) {
        options.string = "s:{k}";  // the windows of a key follow each other there
        options.zset = "z:{k}";
        options.score = "n";
        options.member = "{window_start}";
      } else {
        options.counter = "c:{k}";
        options.by = "n";
        options.stream = "s:{k}";
      }
      STREAM_ASSIGN(auto sink, ssink_redis::RedisSink::create(options, context, [] { return false; }));
      return std::unique_ptr<checkpoint::TransactionalSink>(std::move(sink));
    };
  }
  Contents contents() override {
    Contents all;
    for (const auto& key : server_.ask({"KEYS", "[chsz]:*"}).items) {
      std::vector<std::string>& lines = all[key.text];
      switch (key.text.front()) {
        case 'c':
          lines.push_back(server_.words({"GET", key.text}));
          break;
        case 'z':
          lines.push_back(server_.words({"ZRANGE", key.text, "0", "-1", "WITHSCORES"}));
          break;
        case 'h': {
          const auto fields = server_.ask({"HGETALL", key.text}).items;
          for (size_t i = 0; i + 1 < fields.size(); i += 2) lines.push_back(fields[i].text + ' ' + fields[i + 1].text);
          std::sort(lines.begin(), lines.end());
          break;
        }
        default:
          if (commit_ == redis::Commit::now) {
            lines.push_back(server_.words({"GET", key.text}));
            break;
          }
          // Without the entries' ids, which are times.
          for (const auto& entry : server_.ask({"XRANGE", key.text, "-", "+"}).items)
            lines.push_back(redis::RedisServer::text(entry.items.at(1)));
      }
    }
    return all;
  }

 private:
  const redis::Commit commit_;
  redis::RedisServer server_;
};

class FileStore final : public Store {
 public:
  ~FileStore() override { std::filesystem::remove_all(folder_); }
  void empty() override {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) std::filesystem::remove_all(entry);
  }
  void use(World& world) override {
    world.main_program = "ssink-file";
    world.main_sink = [this](Context& context) -> Result<std::unique_ptr<checkpoint::TransactionalSink>> {
      ssink_file::Options options;
      options.directory = folder_;
      options.path = "{k}";
      options.roll_size = 600;
      STREAM_ASSIGN(auto sink, ssink_file::FileSink::create(options, context, nullptr));
      return std::unique_ptr<checkpoint::TransactionalSink>(std::move(sink));
    };
  }
  /// The lines of each folder, sorted: which part a line is in depends on when the parts were cut.
  Contents contents() override {
    Contents all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      const std::string path = entry.path().string().substr(folder_.size() + 1);
      if (!entry.is_regular_file() || path.starts_with(".streamutils/")) continue;
      const bool finished = entry.path().filename().string().starts_with("part-");
      auto& lines = all[finished ? path.substr(0, path.find('/')) : "unfinished " + path];
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) lines.push_back(line);
      std::sort(lines.begin(), lines.end());
    }
    return all;
  }

 private:
  const std::string folder_ = redis::make_test_folder("crash-files");
};

struct Run {
  World::Outcome outcome;
  std::map<std::string, int> reached;
  Contents contents;
};

Run undisturbed_run(Store& store) {
  World world;
  store.empty();
  store.use(world);
  Run run{world.start(1), {}, store.contents()};
  run.reached = world.reached;
  EXPECT_TRUE(run.outcome.ok()) << run.outcome.text();
  EXPECT_EQ(world.side_store.lines, undisturbed().result.side);
  return run;
}

/// Every time that a point of the sink's own store is reached. With a sink that sends ahead, what it had sent may or
/// may not be there.
void disturb_everywhere(Store& store, const std::string& program, size_t least_lines) {
  const Run wanted = undisturbed_run(store);
  size_t lines = 0;
  for (const auto& [key, value] : wanted.contents) lines += value.size();
  ASSERT_GE(lines, least_lines);
  int runs = 0, fenced = 0;
  std::set<std::string> points;
  for (const auto& [point, times] : wanted.reached) {
    if (point.find(' ' + program + ' ') == std::string::npos) continue;
    points.insert(point);
    for (int occurrence = 1; occurrence <= times; ++occurrence) {
      for (const Harm harm : {Harm::kill_one, Harm::kill_all, Harm::power_loss, Harm::stop_all}) {
        const std::string what = fmt::format("harm {} at '{}' #{}", static_cast<int>(harm), point, occurrence);
        World world;
        store.empty();
        store.use(world);
        const auto outcome = world.start(1, Trap{point, occurrence, harm});
        ASSERT_TRUE(outcome.trapped) << what;
        ASSERT_FALSE(outcome.hung) << what << ": " << outcome.text();
        if (harm == Harm::stop_all) {
          EXPECT_TRUE(outcome.ok()) << what << ": twin: " << outcome.text();
          ASSERT_FALSE(world.stopped.hung) << what << ": " << world.stopped.text();
          const auto& stopped = world.stopped.stages;
          fenced += std::ranges::any_of(stopped, [](const auto& s) { return s.second.code() == Code::fenced; });
          EXPECT_EQ(store.contents(), wanted.contents) << what << ", twin";
        }
        const auto last = world.start(1000 + static_cast<uint64_t>(++runs));
        ASSERT_TRUE(last.ok()) << what << ": " << last.text();
        EXPECT_EQ(store.contents(), wanted.contents) << what;
        EXPECT_EQ(world.side_store.lines, undisturbed().result.side) << what;
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
  fmt::print("{}: {} points of its store, {} runs, {} of them fenced by a twin\n", program, points.size(), runs,
             fenced);
  EXPECT_EQ(points.size(), 8u) << "before and after fence, show, chunk and drain";
  EXPECT_GT(fenced, 0);
}

TEST(CrashPoints, RedisAsTheSink) {
  RedisStore store(redis::Commit::epoch);
  disturb_everywhere(store, "ssink-redis", 200);
}

TEST(CrashPoints, RedisThatShowsAtOnceAsTheSink) {
  RedisStore store(redis::Commit::now);
  disturb_everywhere(store, "ssink-redis", 200);
}

TEST(CrashPoints, FilesAsTheSink) {
  FileStore store;
  disturb_everywhere(store, "ssink-file", 40);
}

}  // namespace
}  // namespace streamutils::crash
