// SPDX-License-Identifier: Apache-2.0
// What StreamWriter writes straight from a batch's memory is what the encoder would have copied.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include "lib/stream/writer.hpp"
#include "tests/unit/stream/streams.hpp"

namespace streamutils {
namespace {

/// Records in memory that is overwritten when the batch is over.
class Memory {
 public:
  explicit Memory(uint32_t seed) : random_(seed) {}

  /// `gap`: bytes between the records, as a text input has one. Columns are there or not as the seed has it.
  Batch batch(size_t count, size_t gap) {
    bytes_.clear();
    for (auto* column : {&times_, &offsets_, &kafka_times_}) column->clear();
    slices_.clear();
    bytes_.append(random_() % 9, '#');
    for (size_t i = 0; i < count; ++i) {
      const auto size = static_cast<uint32_t>(random_() % 500);
      slices_.push_back({static_cast<uint32_t>(bytes_.size()), size});
      bytes_.append(size, static_cast<char>('a' + random_() % 26)).append(gap, '\n');
      for (auto* column : {&times_, &offsets_, &kafka_times_}) column->push_back(static_cast<int64_t>(random_()));
    }
    Batch batch{.bytes = bytes_.data(), .records = slices_};
    if (random_() % 2) batch.times = times_;
    if (random_() % 2) batch.offsets = offsets_;
    if (random_() % 2) batch.kafka_times = kafka_times_;
    return batch;
  }
  void overwrite() {
    std::fill(bytes_.begin(), bytes_.end(), 'Z');
    std::fill(slices_.begin(), slices_.end(), Slice{});
    for (auto* column : {&times_, &offsets_, &kafka_times_}) std::fill(column->begin(), column->end(), -1);
  }
  uint32_t next() { return static_cast<uint32_t>(random_()); }

 private:
  std::mt19937 random_;
  std::string bytes_;
  std::vector<Slice> slices_;
  std::vector<int64_t> times_, offsets_, kafka_times_;
};

/// Reads a pipe in small pieces, now and then late, until its end.
class SlowReader {
 public:
  explicit SlowReader(int fd)
      : thread_([this, fd] {
          std::mt19937 random(7);
          char piece[50'000];
          for (ssize_t n = 1; n > 0;) {
            n = read(fd, piece, 1 + random() % sizeof piece);
            if (n > 0) text_.append(piece, static_cast<size_t>(n));
            if (random() % 64 == 0) usleep(1000);
          }
        }) {}
  std::string text() {
    thread_.join();
    return std::move(text_);
  }

 private:
  std::string text_;
  std::thread thread_;
};

/// Flags of the writing end, and whether the writer may lend its own memory too.
class LendingTo : public testing::TestWithParam<std::pair<int, bool>> {};

TEST_P(LendingTo, WritesWhatACopyWouldBe) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(fcntl(ends[1], F_SETFL, GetParam().first), 0);
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  Units units;
  const UnitId unit = units.id("t/0");
  EncodingOutput copied(make_binary_encoder(units));
  SlowReader reader(ends[0]);
  {
    StreamWriter writer(ends[1], "out", Encoding::binary, units);
    if (GetParam().second) writer.lend_pages();
    Memory memory(20);
    for (int i = 0; i < 100; ++i) {
      // Some are less than is lent, some are several frames; one in three has gaps and is copied.
      Batch batch = memory.batch(memory.next() % 8 == 0 ? 6000 : memory.next() % 900, memory.next() % 3 == 0);
      batch.unit = memory.next() % 2 ? unit : Units::kStream;
      ASSERT_TRUE(copied.records(batch).ok());
      ASSERT_TRUE(writer.records(batch).ok());
      memory.overwrite();
      if (memory.next() % 2) continue;
      const Watermark watermark{batch.unit, EventTime{i}};
      ASSERT_TRUE(copied.control(watermark).ok());
      ASSERT_TRUE(writer.control(watermark).ok());
    }
    ASSERT_TRUE(writer.flush().ok());
  }
  close(ends[1]);
  const std::string text = reader.text();
  close(ends[0]);
  EXPECT_GT(text.size(), size_t{20} << 20);
  EXPECT_TRUE(text == copied.buffer.view()) << text.size() << " bytes, not " << copied.buffer.size();
}

INSTANTIATE_TEST_SUITE_P(BlockingAndNot, LendingTo,
                         testing::Values(std::pair(0, false), std::pair(O_NONBLOCK, false), std::pair(0, true),
                                         std::pair(O_NONBLOCK, true)));

/// What the reader has not taken when the writer ends is still what was written.
TEST(Lending, OutlivesTheWriter) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  Units units;
  EncodingOutput copied(make_binary_encoder(units));
  Memory memory(24);
  {
    StreamWriter writer(ends[1], "out", Encoding::binary, units);
    writer.lend_pages();
    const Batch batch = memory.batch(1500, 1);
    ASSERT_TRUE(copied.records(batch).ok());
    ASSERT_TRUE(writer.records(batch).ok());
    ASSERT_TRUE(writer.flush().ok());
    memory.overwrite();
  }
  // Whoever is given the writer's memory next writes into it.
  std::vector<std::string> others;
  for (int i = 0; i < 8; ++i) others.emplace_back(size_t{100'000} << i % 4, 'Z');
  SlowReader reader(ends[0]);
  close(ends[1]);
  const std::string text = reader.text();
  close(ends[0]);
  EXPECT_TRUE(text == copied.buffer.view()) << text.size() << " bytes, not " << copied.buffer.size();
}

class LendingFails : public testing::TestWithParam<bool> {};

TEST_P(LendingFails, WhatWasNotWrittenIsKept) {
  FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  Units units;
  EncodingOutput copied(make_binary_encoder(units));
  StreamWriter writer(fileno(file), "out", Encoding::binary, units);
  if (GetParam()) writer.lend_pages();  // a file takes none
  Memory memory(21);
  const Batch batch = memory.batch(4000, 0);
  ASSERT_TRUE(copied.records(batch).ok());
  // A limit on the file's size stands for a full disk. It lies within the second of four frames.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  const rlimit limited{450'001, unlimited.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  const Status full = writer.records(batch);
  memory.overwrite();
  setrlimit(RLIMIT_FSIZE, &unlimited);
  EXPECT_EQ(full.message(), "cannot write to 'out': File too large");
  EXPECT_TRUE(writer.flush().ok());
  std::string text(copied.buffer.size() + 1, '\0');
  const ssize_t n = pread(fileno(file), text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  EXPECT_TRUE(text == copied.buffer.view()) << text.size() << " bytes, not " << copied.buffer.size();
  std::fclose(file);
}

TEST_P(LendingFails, AGoneReaderIsABrokenPipe) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  Units units;
  StreamWriter writer(ends[1], "out", Encoding::binary, units);
  if (GetParam()) writer.lend_pages();
  Memory memory(22);
  EXPECT_EQ(writer.records(memory.batch(4000, 0)).code(), Code::broken_pipe);
  memory.overwrite();
  EXPECT_TRUE(writer.flush().ok()) << "nothing is left to be written";
  close(ends[1]);
}

INSTANTIATE_TEST_SUITE_P(BorrowedAndLent, LendingFails, testing::Bool());

/// What follows a lent run is still where a reader, and the encoder itself, want it: at a multiple of eight.
TEST(Lending, FramesStayAligned) {
  Units units;
  const auto encoder = make_binary_encoder(units);
  IoBuffer out;
  std::vector<Borrowed> borrowed;
  Memory memory(23);
  encoder->records(memory.batch(5000, 0), out, borrowed);
  ASSERT_GT(borrowed.size(), 2U);
  for (const Borrowed& run : borrowed) {
    EXPECT_EQ(run.at % 8, 0U);
    EXPECT_EQ(run.bytes.size() % 8, 0U);
  }
  EXPECT_EQ(out.size() % 8, 0U);
}

}  // namespace
}  // namespace streamutils
