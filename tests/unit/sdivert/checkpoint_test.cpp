// SPDX-License-Identifier: Apache-2.0
// sdivert under a checkpoint: its files are set back, its branches are listed, and nobody waits for it for ever.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/stream/state.hpp"
#include "tools/sdivert/sdivert.hpp"

namespace streamutils::sdivert {
namespace {

class Recorder final : public Output {
 public:
  Status records(const Batch&) override {
    words.emplace_back("records");
    return {};
  }
  Status control(const Control& item) override {
    if (const auto* o = std::get_if<Open>(&item)) open = *o;
    words.emplace_back(std::holds_alternative<Barrier>(item) ? "barrier"
                       : std::holds_alternative<Ack>(item)   ? "ack"
                                                             : "item");
    return {};
  }
  Status flush() override {
    words.emplace_back("flush");
    return {};
  }
  std::vector<std::string> words;
  Open open;
};

class SdivertCheckpointTest : public ::testing::Test {
 protected:
  SdivertCheckpointTest() {
    std::signal(SIGPIPE, SIG_IGN);
    char folder[] = "/tmp/sdivert_test.XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~SdivertCheckpointTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) { return folder_ + "/" + name; }
  std::string contents(const std::string& name) {
    std::ifstream file(path(name), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string sink(const std::string& name) {
    std::ofstream(path(name)) << "#!/bin/sh\ncat > " << path(name + ".in") << "\nprintf %s \"$STREAM_CHECKPOINT\" >"
                              << path(name + ".env") << "\n";
    chmod(path(name).c_str(), 0755);
    return path(name);
  }
  Options files(bool append = false) {
    return {.files = {{"late", path("late")}}, .raw = true, .append = append, .checkpoint = "/store"};
  }
  void make(const Options& options) {
    auto op = Sdivert::create(options, context_, nullptr);
    ASSERT_TRUE(op.ok()) << op.status().message();
    op_ = *std::move(op);
    ASSERT_TRUE(op_->start().ok());
    Open open;
    open.run = "r";
    open.stages = {{.path = "1", .program = "skafka-cat", .checkpoint = "/store"},
                   {.path = "2", .program = "sdivert", .stateful = op_->stateful(), .checkpoint = "/store"}};
    ASSERT_TRUE(op_->on_open(open, out_).ok());
  }
  Status side(std::string_view text) {
    return op_->on_side({.label = "late", .reason = "why", .unit = units_.id("t/0"), .record = text}, out_);
  }
  /// What StageMember does at a barrier.
  std::string cut() {
    EXPECT_TRUE(op_->on_barrier(Barrier{1, {}}, out_).ok());
    StateWriter state;
    EXPECT_TRUE(op_->snapshot(state).ok());
    return state.bytes();
  }
  Status restart(const std::string& state, const Options& options) {
    make(options);
    StateReader in(state);
    return op_->restore(in);
  }

  FakeClock clock_;
  NullLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  Recorder out_;
  std::string folder_;
  std::unique_ptr<Sdivert> op_;
};

TEST_F(SdivertCheckpointTest, AFileIsSetBackToTheBarrier) {
  make(files());
  ASSERT_TRUE(side("one").ok());
  const std::string state = cut();
  EXPECT_EQ(contents("late"), "one\n") << "at the barrier it is written";
  ASSERT_TRUE(side("two").ok());
  ASSERT_TRUE(op_->on_quiet(out_).ok());
  EXPECT_EQ(contents("late"), "one\ntwo\n");
  auto old = std::move(op_);  // stopped, not dead

  ASSERT_TRUE(restart(state, files()).ok());
  EXPECT_EQ(contents("late"), "one\n");
  ASSERT_TRUE(side("2").ok());
  ASSERT_TRUE(op_->on_quiet(out_).ok());
  std::swap(old, op_);
  ASSERT_TRUE(side("three").ok());
  ASSERT_TRUE(op_->on_quiet(out_).ok());
  EXPECT_EQ(contents("late"), "one\n2\n") << "what an older start writes goes nowhere";
  const Status fenced = op_->on_barrier(Barrier{2, {}}, out_);
  EXPECT_EQ(fenced.code(), Code::usage) << "and it does not acknowledge it";
  EXPECT_NE(fenced.message().find("was moved, removed or replaced"), std::string::npos) << fenced.message();
  EXPECT_FALSE(std::filesystem::exists(path(".late.sdivert")));
}

TEST_F(SdivertCheckpointTest, AStartWithoutStateBeginsEmpty) {
  std::ofstream(path("late")) << "old\n";
  make(files());
  EXPECT_EQ(contents("late"), "old\n") << "not before it is known that there is no state";
  ASSERT_TRUE(op_->on_quiet(out_).ok());
  EXPECT_EQ(contents("late"), "old\n");
  cut();
  EXPECT_EQ(contents("late"), "");
}

// A pipeline that has finished is started once more: there is nothing to do, and nothing to lose.
TEST_F(SdivertCheckpointTest, AnEndWithoutAnEpochTouchesNoFile) {
  std::ofstream(path("late")) << "old\n";
  make(files());
  ASSERT_TRUE(op_->on_quiet(out_).ok());
  ASSERT_TRUE(op_->on_end(End{.fire = false}, out_).ok());
  EXPECT_TRUE(op_->finish(Code::ok).ok());
  EXPECT_EQ(contents("late"), "old\n");
}

TEST_F(SdivertCheckpointTest, AppendKeepsWhatWasThereAtTheFirstStart) {
  std::ofstream(path("late")) << "old\n";
  make(files(true));
  ASSERT_TRUE(side("one").ok());
  const std::string state = cut();
  ASSERT_TRUE(side("two").ok());
  ASSERT_TRUE(op_->on_end(End{}, out_).ok());
  EXPECT_EQ(contents("late"), "old\none\ntwo\n");
  ASSERT_TRUE(restart(state, files(true)).ok());
  EXPECT_EQ(contents("late"), "old\none\n");
}

TEST_F(SdivertCheckpointTest, TheLastEpochHoldsTheEnd) {
  make(files());
  ASSERT_TRUE(side("one").ok());
  ASSERT_TRUE(op_->on_end(End{.fire = true, .last_epoch = 4}, out_).ok());
  StateWriter state;
  ASSERT_TRUE(op_->snapshot(state).ok());
  EXPECT_TRUE(op_->finish(Code::ok).ok());
  ASSERT_TRUE(restart(state.bytes(), files()).ok());
  EXPECT_EQ(contents("late"), "one\n");
}

TEST_F(SdivertCheckpointTest, AFileThatIsGoneOrShorterIsAnErrorWithTheWayOut) {
  make(files());
  ASSERT_TRUE(side("one").ok());
  const std::string state = cut();
  std::ofstream(path("late")) << "o";
  Status status = restart(state, files());
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_EQ(status.message(),
            fmt::format("cannot set '{}' back to 4 bytes, which it had at the checkpoint: it has 1 now; "
                        "put it back, or start over with --fresh",
                        path("late")));
  EXPECT_EQ(contents("late"), "o") << "it is as it was";
  std::filesystem::remove(path("late"));
  status = restart(state, files());
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find("it is gone"), std::string::npos) << status.message();
}

TEST_F(SdivertCheckpointTest, ModeLinksAndNewFilesAreKept) {
  std::ofstream(path("real")) << "";
  chmod(path("real").c_str(), 0640);
  std::filesystem::create_symlink("real", path("late"));
  make(files());
  ASSERT_TRUE(side("one").ok());
  const std::string state = cut();
  Options options = files();
  options.files.push_back({"early", path("early")});
  ASSERT_TRUE(restart(state, options).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path("late")));
  EXPECT_EQ(contents("real"), "one\n");
  struct stat info {};
  ASSERT_EQ(stat(path("real").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  EXPECT_TRUE(std::filesystem::exists(path("early")));
}

TEST_F(SdivertCheckpointTest, OnlyRegularFilesCanBeSetBack) {
  make({.files = {{"late", "/dev/null"}}, .checkpoint = "/store"});
  const Status status = side("x");
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find("is no regular file"), std::string::npos) << status.message();
}

TEST_F(SdivertCheckpointTest, BranchesAreListedAndAcksAreNotForThem) {
  make({.commands = {{"late", sink("ssink-kafka")}, {"*", sink("ssink-http")}},
        .copies = {sink("ssink-file")},
        .checkpoint = "/store"});
  ASSERT_EQ(out_.open.stages.size(), 5u);
  EXPECT_EQ(out_.open.stages[2], (StageInfo{"2.late.1", "ssink-kafka", true, "/store"}));
  EXPECT_EQ(out_.open.stages[3], (StageInfo{"2.others.1", "ssink-http", true, "/store"}));
  EXPECT_EQ(out_.open.stages[4], (StageInfo{"2.copy1.1", "ssink-file", true, "/store"}));
  EXPECT_FALSE(op_->stateful());
  out_.words.clear();
  ASSERT_TRUE(op_->on_barrier(Barrier{3, {}}, out_).ok());
  ASSERT_TRUE(op_->on_ack(Ack{.epoch = 3, .stage = "swindow"}, out_).ok());
  EXPECT_EQ(out_.words, (std::vector<std::string>{"barrier", "flush", "ack"}));
  ASSERT_TRUE(op_->on_end(End{.fire = false, .last_epoch = 4}, out_).ok());
  const Status status = op_->finish(Code::ok);
  ASSERT_TRUE(status.ok()) << status.message();
  for (const char* name : {"ssink-kafka", "ssink-http", "ssink-file"}) {
    const std::string in = contents(std::string(name) + ".in");
    EXPECT_EQ(in.find("2.late.1"), std::string::npos) << "a branch knows nothing of the others";
    EXPECT_EQ(in.find("\"ack\""), std::string::npos);
    EXPECT_NE(in.find("\"barrier\""), std::string::npos);
    EXPECT_EQ(contents(std::string(name) + ".env"), "/store");
  }
}

// The sink of the branch reads on only when the main line has seen what we have given it.
TEST_F(SdivertCheckpointTest, TheMainLineIsFlushedBeforeAWaitForABranch) {
  std::ofstream(path("ssink-slow")) << "#!/bin/sh\nwhile [ ! -e " << path("go")
                                    << " ]; do sleep 0.01; done\nexec cat >/dev/null\n";
  chmod(path("ssink-slow").c_str(), 0755);
  make({.copies = {path("ssink-slow")}, .checkpoint = "/store"});
  class Gate final : public Output {
   public:
    explicit Gate(std::string file) : file_(std::move(file)) {}
    Status records(const Batch&) override { return {}; }
    Status control(const Control&) override { return {}; }
    Status flush() override {
      std::ofstream file(file_);
      return {};
    }

   private:
    std::string file_;
  } gate(path("go"));
  BatchBuilder builder;
  for (int i = 0; i < 40; ++i) {  // 2.6 MB, more than the pipe holds
    builder.clear(units_.id("t/0"));
    for (int k = 0; k < 64; ++k) builder.append(std::string(1000, 'x'));
    ASSERT_TRUE(op_->on_records(builder.batch(), gate).ok());
  }
  ASSERT_TRUE(op_->on_end(End{.fire = true, .last_epoch = 2}, gate).ok());
  EXPECT_TRUE(op_->finish(Code::ok).ok());
}

TEST_F(SdivertCheckpointTest, BranchesThatCannotBeSetBackAreRefused) {
  const auto error = [&](Options options) {
    options.checkpoint = "/store";
    const auto op = Sdivert::create(options, context_, nullptr);
    EXPECT_EQ(op.status().code(), Code::usage);
    return std::string(op.status().message());
  };
  EXPECT_EQ(error({.commands = {{"late", "jq ."}}}),
            "--exec late: 'jq .' is none of the ssink-... programs: with a checkpoint every branch is one, since it "
            "has to be "
            "set back at a restart; use one, or --to, or leave out --checkpoint");
  EXPECT_TRUE(
      error({.copies = {"sfilter --where x"}}).starts_with("--copy: 'sfilter --where x' is none of the ssink-"));
  EXPECT_EQ(error({.copies = {sink("ssink-file") + " --checkpoint=/other"}}),
            fmt::format("--copy: '{} --checkpoint=/other' has another checkpoint than sdivert; leave it out there",
                        path("ssink-file")));
}

TEST_F(SdivertCheckpointTest, CutOrLongerStatesAreRefused) {
  make(files());
  ASSERT_TRUE(side("one").ok());
  const std::string state = cut();
  for (size_t size = 0; size < state.size(); ++size) EXPECT_FALSE(restart(state.substr(0, size), files()).ok()) << size;
  EXPECT_FALSE(restart(state + 'x', files()).ok());
}

}  // namespace
}  // namespace streamutils::sdivert
