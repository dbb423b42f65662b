// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lib/stream/writer.hpp"
#include "tests/unit/stream/streams.hpp"

namespace streamutils {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_reader() { close_end(0); }
  void close_writer() { close_end(1); }
  void write(std::string_view bytes) const {
    EXPECT_EQ(::write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  int ends[2];

 private:
  void close_end(int i) {
    if (ends[i] >= 0) close(ends[i]);
    ends[i] = -1;
  }
};

class Readers : public testing::Test {
 protected:
  Source::State poll(StreamReader& reader, int64_t timeout_us = 0) {
    auto state = reader.poll(recorder, waiter, Duration{timeout_us});
    EXPECT_TRUE(state.ok()) << state.status().message();
    return state.ok() ? *state : Source::State::finished;
  }
  StreamReader reader_of(const Pipe& pipe) { return {pipe.ends[0], "standard input", units, DecodeSettings{}}; }

  Units units;
  ItemRecorder recorder{units};
  StopFlag stop;
  Pipe output;
  Waiter waiter{stop, output.ends[1]};
  Pipe in;
};

TEST_F(Readers, GivesWhatIsThereBeforeItWaitsForMore) {
  StreamReader reader = reader_of(in);
  EXPECT_EQ(poll(reader), Source::State::empty);
  in.write("{\"a\":1}\n{\"half\":");
  EXPECT_EQ(poll(reader, -1), Source::State::delivered);
  ASSERT_EQ(recorder.items.size(), 2U);
  EXPECT_EQ(recorder.items[1], "- {\"a\":1}");
  EXPECT_EQ(poll(reader, 1000), Source::State::empty);
  in.write("2}");
  in.close_writer();
  while (poll(reader, -1) != Source::State::finished) {
  }
  EXPECT_EQ(recorder.items[2], "- {\"half\":2}");
  EXPECT_EQ(recorder.items[3], kEndLine);
}

TEST_F(Readers, MoreThanAPipeHolds) {
  StreamReader reader = reader_of(in);
  fcntl(in.ends[1], F_SETFL, O_NONBLOCK);
  std::string text = std::string(kOpenLine) + '\n';
  for (int i = 0; text.size() < 1'000'000; ++i) text += "{\"i\":" + std::to_string(i) + "}\n";
  text += std::string(kEndLine) + '\n';
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(in.ends[1], rest.data(), rest.size());
    if (n > 0) {
      rest.remove_prefix(static_cast<size_t>(n));
    } else {
      ASSERT_EQ(poll(reader, -1), Source::State::delivered);
    }
  }
  in.close_writer();
  while (poll(reader, -1) != Source::State::finished) {
  }
  EXPECT_EQ(recorder.items, decode_by(text, ~size_t{0}).items);
}

TEST_F(Readers, ACutStreamIsAnError) {
  StreamReader reader = reader_of(in);
  in.write(std::string(kOpenLine) + "\n{}\n");
  in.close_writer();
  EXPECT_EQ(poll(reader, -1), Source::State::delivered);
  const auto state = reader.poll(recorder, waiter, Duration{-1});
  ASSERT_FALSE(state.ok());
  EXPECT_TRUE(state.status().message().starts_with("the input ended without 'end'"));
}

TEST_F(Readers, AnUnreadableInputIsAnError) {
  Units fresh;
  StreamReader reader(open("/", O_RDONLY | O_CLOEXEC), "x", fresh, {});
  const auto state = reader.poll(recorder, waiter, Duration{-1});
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.status().message(), "cannot read 'x': Is a directory");
}

TEST_F(Readers, AStopEndsAPlainInput) {
  StreamReader reader = reader_of(in);
  in.write("{}\n");
  EXPECT_EQ(poll(reader, -1), Source::State::delivered);
  stop.request();
  EXPECT_EQ(poll(reader, -1), Source::State::finished);
  EXPECT_EQ(recorder.items.back(), R"({"$stream":"end","fire":false})");
}

TEST_F(Readers, AStopLeavesAStreamToItsSource) {
  StreamReader reader = reader_of(in);
  in.write(std::string(kOpenLine) + '\n');
  EXPECT_EQ(poll(reader, -1), Source::State::delivered);
  stop.request();
  in.write(R"({"$stream":"idle","unit":"-"})"
           "\n");
  EXPECT_EQ(poll(reader, -1), Source::State::delivered);
  in.write(R"({"$stream":"end","fire":false})"
           "\n");
  in.close_writer();
  while (poll(reader, -1) != Source::State::finished) {
  }
  EXPECT_EQ(recorder.items.back(), R"({"$stream":"end","fire":false})");
}

TEST_F(Readers, ADeadReaderOfTheOutputIsNoticedWhileWaiting) {
  StreamReader reader = reader_of(in);
  output.close_reader();
  const auto state = reader.poll(recorder, waiter, Duration{-1});
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.status().code(), Code::broken_pipe);
}

TEST_F(Readers, AWriterThatDiedIsToldFromOneThatEnded) {
  for (const bool ends : {false, true}) {
    Pipe pipe;
    recorder.items.clear();
    StreamReader reader = reader_of(pipe);
    pipe.write(std::string(kOpenLine) + '\n');
    EXPECT_EQ(poll(reader, -1), Source::State::delivered);
    EXPECT_FALSE(reader.writer_died());
    pipe.write("{\"a\":1}\n");
    if (ends) pipe.write(std::string(kEndLine) + '\n');
    EXPECT_FALSE(reader.writer_died());
    pipe.close_writer();
    EXPECT_EQ(reader.writer_died(), !ends);
    EXPECT_EQ(reader.writer_died(), !ends);
    // What it left is still delivered.
    const auto state = reader.poll(recorder, waiter, Duration{-1});
    EXPECT_EQ(state.ok(), ends);
    ASSERT_GE(recorder.items.size(), 2U);
    EXPECT_EQ(recorder.items[1], "- {\"a\":1}");
  }
}

TEST_F(Readers, APlainWriterNeverDies) {
  StreamReader reader = reader_of(in);
  in.write("{}\n");
  EXPECT_EQ(poll(reader, -1), Source::State::delivered);
  in.close_writer();
  EXPECT_FALSE(reader.writer_died());
}

TEST(Waiters, TimeoutStopAndOrder) {
  StopFlag stop;
  Pipe in, out;
  const Waiter waiter(stop, out.ends[1]);
  EXPECT_EQ(waiter.wait(in.ends[0], Duration{0}), Waiter::Event::timeout);
  EXPECT_EQ(waiter.wait(-1, Duration{1}), Waiter::Event::timeout);
  in.write("x");
  EXPECT_EQ(waiter.wait(in.ends[0], Duration{-1}), Waiter::Event::ready);
  stop.request();
  EXPECT_TRUE(waiter.stop_requested());
  EXPECT_EQ(waiter.wait(in.ends[0], Duration{-1}), Waiter::Event::stop);
  EXPECT_EQ(waiter.wait(in.ends[0], Duration{-1}, false), Waiter::Event::ready);
  out.close_reader();
  EXPECT_EQ(waiter.wait(in.ends[0], Duration{-1}, false), Waiter::Event::reader_gone);
}

class Writers : public testing::Test {
 protected:
  static std::string drain(int fd) {
    std::string out(1 << 20, '\0');
    const ssize_t n = read(fd, out.data(), out.size());
    out.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return out;
  }
  Units units;
  Pipe pipe;
};

TEST_F(Writers, PlainLeavesOutAndCounts) {
  StreamWriter writer(pipe.ends[1], "out", Encoding::plain, units);
  SideRecord late{.label = "late", .reason = "r"}, invalid{.label = "invalid", .reason = "r"};
  BatchBuilder batch;
  batch.clear(0);
  batch.append("{\"$stream\":1}");
  ASSERT_TRUE(writer.control(Open{}).ok());
  ASSERT_TRUE(writer.records(batch.batch()).ok());
  for (const SideRecord& side : {late, invalid, late}) ASSERT_TRUE(writer.control(side).ok());
  ASSERT_TRUE(writer.flush().ok());
  EXPECT_EQ(drain(pipe.ends[0]), "{\"$stream\":1}\n");
  EXPECT_EQ(writer.left_out().text(), "invalid 1, late 2");
}

TEST_F(Writers, AGoneReaderIsABrokenPipe) {
  std::signal(SIGPIPE, SIG_IGN);
  StreamWriter writer(pipe.ends[1], "out", Encoding::text, units);
  ASSERT_TRUE(writer.control(Open{}).ok());
  pipe.close_reader();
  EXPECT_EQ(writer.flush().code(), Code::broken_pipe);
}

TEST_F(Writers, NoSpaceIsAnError) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  StreamWriter writer(full, "out", Encoding::text, units);
  ASSERT_TRUE(writer.control(Open{}).ok());
  EXPECT_EQ(writer.flush().message(), "cannot write to 'out': No space left on device");
  close(full);
}

/// A write that failed half way was begun again from the front by the next flush, and its first half stood twice in the
/// output.
TEST_F(Writers, WhatWasWrittenBeforeAFailureIsNotWrittenAgain) {
  const std::string path = testing::TempDir() + "/streamutils_writer_test";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  // A limit on the file's size stands for a full disk: the first write is short, the second fails.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  const rlimit limited{1000, unlimited.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  StreamWriter writer(file, "out", Encoding::plain, units);
  BatchBuilder batch;
  batch.clear(0);
  std::string wanted;
  for (int i = 0; wanted.size() < 3000; ++i) {
    batch.append(std::to_string(i));
    wanted += std::to_string(i) + '\n';
  }
  ASSERT_TRUE(writer.records(batch.batch()).ok());
  const Status full = writer.flush();
  setrlimit(RLIMIT_FSIZE, &unlimited);
  EXPECT_EQ(full.message(), "cannot write to 'out': File too large");
  EXPECT_TRUE(writer.flush().ok());
  lseek(file, 0, SEEK_SET);
  EXPECT_EQ(drain(file), wanted);
  close(file);
  unlink(path.c_str());
}

TEST_F(Writers, WaitsWhereANonBlockingPipeIsFull) {
  fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK);
  std::signal(SIGPIPE, SIG_IGN);
  StreamWriter writer(pipe.ends[1], "out", Encoding::plain, units);
  const std::string line(200'000, 'x');  // three times what the pipe takes
  BatchBuilder batch;
  batch.clear(0);
  batch.append(line);
  ASSERT_TRUE(writer.records(batch.batch()).ok());
  const pid_t child = fork();
  if (child == 0) {
    close(pipe.ends[1]);
    size_t total = 0;
    char buffer[4096];
    for (ssize_t n; (n = read(pipe.ends[0], buffer, sizeof buffer)) > 0;) total += static_cast<size_t>(n);
    _exit(total == line.size() + 1 ? 0 : 1);
  }
  pipe.close_reader();
  EXPECT_TRUE(writer.flush().ok());
  pipe.close_writer();
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(DefaultEncoding, GoesByTheKindOfFile) {
  Pipe pipe;
  EXPECT_EQ(default_encoding(pipe.ends[1]), Encoding::text);
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  EXPECT_EQ(default_encoding(sockets[0]), Encoding::text);
  close(sockets[0]);
  close(sockets[1]);
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(default_encoding(null), Encoding::plain);
  close(null);
}

TEST(SinkTerminals, CountWhatNobodyTook) {
  SinkTerminal terminal;
  SideRecord late{.label = "late", .reason = "r"};
  ASSERT_TRUE(terminal.control(late).ok());
  ASSERT_TRUE(terminal.control(End{}).ok());
  EXPECT_EQ(terminal.left_out().text(), "late 1");
}

}  // namespace
}  // namespace streamutils
