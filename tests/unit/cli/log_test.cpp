// SPDX-License-Identifier: Apache-2.0
#include "lib/cli/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace streamutils::cli {
namespace {

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe2(fds_, O_NONBLOCK), 0);
    log_ = std::make_unique<StderrLog>("prog", 0, clock_, fds_[1]);
  }
  void TearDown() override {
    log_.reset();
    close(fds_[0]);
    close(fds_[1]);
  }
  std::string written() {
    std::string text(1 << 16, '\0');
    const ssize_t count = read(fds_[0], text.data(), text.size());
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return text;
  }

  int fds_[2] = {-1, -1};
  FakeClock clock_;
  std::unique_ptr<StderrLog> log_;
};

TEST_F(LogTest, ShowsInfoAndAbove) {
  log_->debug("hidden");
  log_->info("read {} records", 5);
  log_->warn("odd");
  log_->error("cannot open 'x'");
  EXPECT_EQ(written(), "prog: read 5 records\nprog: odd\nprog: cannot open 'x'\n");
  log_->set_verbose(1);
  log_->debug("shown");
  EXPECT_EQ(written(), "prog: shown\n");
}

TEST_F(LogTest, QuotedInputCannotDriveTheTerminal) {
  log_->error("bad record 'a\nb\t\x1b[31m\x7f\xc2\x9b ok: \xc3\xa9 \xff'");
  EXPECT_EQ(written(), "prog: bad record 'a\\nb\\t\\x1b[31m\\x7f\\xc2\\x9b ok: \xc3\xa9 \xff'\n");
}

TEST_F(LogTest, RepeatedWarningsAreCounted) {
  for (int i = 0; i < 25; ++i) {
    log_->warn("late record");
    log_->error("errors are not");
  }
  const std::string first = written();
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 10 + 25);
  clock_.advance(Duration{999'999});
  log_->warn("other");
  EXPECT_EQ(written(), "prog: other\n");
  clock_.advance(Duration{1});
  log_->info("later");
  EXPECT_EQ(written(), "prog: late record (15 more of the same)\nprog: later\n");
  log_->warn("late record");
  EXPECT_EQ(written(), "prog: late record\n");
}

TEST_F(LogTest, CountsAreWrittenAtTheEnd) {
  for (int i = 0; i < 11; ++i) log_->warn("late record");
  (void)written();
  log_.reset();
  EXPECT_EQ(written(), "prog: late record (1 more of the same)\n");
}

TEST_F(LogTest, ManyDifferentWarningsAreAllWritten) {
  for (int i = 0; i < 100; ++i) log_->warn("warning {}", i);
  const std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
}

TEST_F(LogTest, AClosedStderrIsIgnored) {
  StderrLog log("prog", 0, clock_, -1);
  log.error("nobody reads this");
}

}  // namespace
}  // namespace streamutils::cli
