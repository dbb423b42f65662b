// SPDX-License-Identifier: Apache-2.0
#include "lib/process/child.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lib/process/programs.hpp"

namespace streamutils {
namespace {

std::string read_all(int fd) {
  std::string out;
  char bytes[4096];
  ssize_t n = 0;
  while ((n = read(fd, bytes, sizeof bytes)) > 0) out.append(bytes, static_cast<size_t>(n));
  return out;
}

SpawnRequest shell(const std::string& script) { return {.file = "/bin/sh", .words = {"sh", "-c", script}}; }

/// What `script` writes to stdout.
std::string output_of(SpawnRequest request) {
  auto pipe = make_pipe();
  request.stdout_fd = pipe->write.get();
  auto child = spawn(request);
  EXPECT_TRUE(child.ok()) << child.status().message();
  pipe->write.reset();
  std::string out = read_all(pipe->read.get());
  EXPECT_TRUE(child->wait().ok());
  return out;
}

/// The set of signals in a line of /proc/PID/status.
uint64_t signals_of(const std::string& status, const std::string& line) {
  return std::stoull(status.substr(status.find(line) + line.size()), nullptr, 16);
}

TEST(Child, SaysHowItEnded) {
  auto exits = spawn(shell("exit 7"));
  ASSERT_TRUE(exits.ok());
  EXPECT_EQ(exits->wait().text(), "exited with 7");
  EXPECT_EQ(exits->wait().shell_code(), 7);
  auto dies = spawn(shell("kill -KILL $$"));
  ASSERT_TRUE(dies.ok());
  EXPECT_EQ(dies->wait().text(), "was killed by SIGKILL");
  EXPECT_EQ(dies->wait().shell_code(), 137);
  dies->send(SIGTERM);  // to nobody
}

TEST(Child, IsConnected) {
  auto in = make_pipe(kPipeBytes);
  EXPECT_EQ(fcntl(in->write.get(), F_GETPIPE_SZ), kPipeBytes);
  ASSERT_EQ(write(in->write.get(), "hello\n", 6), 6);
  SpawnRequest request = shell("cat; echo \"$A-$B-${HOME-none}\"; cat <&2");
  request.stdin_fd = in->read.get();
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  request.stderr_fd = nothing;
  request.environment = {{"A", "x y"}, {"B", "1"}, {"B", "2"}, {"HOME", std::nullopt}};
  in->write.reset();
  EXPECT_EQ(output_of(std::move(request)), "hello\nx y-2-none\n");
  close(nothing);
}

TEST(Child, InheritsNoPipeOfItsParent) {
  auto other = make_pipe();
  char link[64];
  const std::string own = fmt::format("/proc/self/fd/{}", other->write.get());
  const ssize_t n = readlink(own.c_str(), link, sizeof link);
  ASSERT_GT(n, 0);
  const std::string open_files = output_of(shell("ls -l /proc/self/fd"));
  EXPECT_NE(open_files.find("pipe:["), std::string::npos);
  EXPECT_EQ(open_files.find(std::string(link, static_cast<size_t>(n))), std::string::npos) << open_files;
}

// Services of systemd run with SIGPIPE ignored: `yes | head` would never end.
TEST(Child, HasSigpipeAndMaskAtTheirDefaults) {
  const auto old = std::signal(SIGPIPE, SIG_IGN);
  sigset_t set, before;
  sigfillset(&set);
  sigprocmask(SIG_BLOCK, &set, &before);
  const std::string status = output_of(shell("cat /proc/self/status"));
  sigprocmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGPIPE, old);
  EXPECT_EQ(signals_of(status, "SigBlk:"), 0U);
  EXPECT_EQ(signals_of(status, "SigIgn:") & (1U << (SIGPIPE - 1)), 0U);
  SpawnRequest quiet = shell("cat /proc/self/status");
  quiet.ignore_interrupt = true;
  EXPECT_NE(signals_of(output_of(std::move(quiet)), "SigIgn:") & (1U << (SIGINT - 1)), 0U);
}

TEST(Child, DiesWithItsParent) {
  auto report = make_pipe();
  const pid_t middle = fork();
  if (middle == 0) {
    SpawnRequest request = shell("echo started; sleep 600");
    request.words = {"sh", "-c", "echo started; exec sleep 600"};
    request.stdout_fd = report->write.get();
    request.die_with_parent = true;
    auto child = spawn(request);
    pause();
    _exit(child.ok() ? 0 : 1);
  }
  report->write.reset();
  char bytes[8];
  ASSERT_EQ(read(report->read.get(), bytes, 8), 8);
  kill(middle, SIGKILL);
  EXPECT_EQ(read_all(report->read.get()), "");  // ends only when the grandchild has closed its stdout
  waitpid(middle, nullptr, 0);
}

TEST(Pipe, KeepsWhatWasNotReadForASecondReader) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  ASSERT_EQ(write(pipe->write.get(), "abc", 3), 3);
  pipe->read.reset();  // no reader for a moment
  const auto unread = reopen_to_read(pipe->write.get());
  ASSERT_TRUE(unread.ok()) << unread.status().message();
  pipe->write.reset();
  EXPECT_EQ(*bytes_in_pipe(unread->get()), 3);
  char bytes[4];
  EXPECT_EQ(read(unread->get(), bytes, sizeof bytes), 3);
  EXPECT_EQ(*bytes_in_pipe(unread->get()), 0);
  EXPECT_FALSE(reopen_to_read(-1).ok());
}

TEST(Child, CannotStart) {
  auto child = spawn({.file = "/nonexistent/x", .words = {"x"}});
  ASSERT_FALSE(child.ok());
  EXPECT_EQ(child.status().code(), Code::usage);
  EXPECT_EQ(child.status().message(), "cannot start 'x': No such file or directory");
}

TEST(Child, WaitsNoLongerThanAsked) {
  auto child = spawn(shell("exec sleep 600"));
  ASSERT_TRUE(child.ok());
  EXPECT_FALSE(child->wait_for(Duration{20'000}).has_value());
  child->send(SIGTERM);
  ASSERT_TRUE(child->wait_for(Duration{20'000'000}).has_value());
  EXPECT_EQ(child->poll()->signal, SIGTERM);
}

TEST(Check, TellsWhatTheProgramSays) {
  EXPECT_TRUE(check_program(shell("test \"$STREAM_CHECK\" = 1 && ! read -r line")).ok());
  const Status status = check_program(shell("echo 'x: bad option' >&2; exit 2"));
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_EQ(status.message(), "x: bad option");
  EXPECT_EQ(check_program(shell("exit 4")).message(), "'sh -c 'exit 4'' exited with 4 when it was checked");
}

TEST(Programs, Roles) {
  EXPECT_EQ(role_of("skafka-cat"), ProgramRole::source);
  EXPECT_EQ(role_of("/usr/bin/swindow"), ProgramRole::filter);
  EXPECT_EQ(role_of("ssink-redis"), ProgramRole::sink);
  EXPECT_EQ(role_of("swindow2"), ProgramRole::other);
  EXPECT_TRUE(is_ours("srun"));
  EXPECT_FALSE(speaks_binary("srun"));
  EXPECT_TRUE(speaks_binary("sfilter"));
}

TEST(Programs, AreFoundInPath) {
  EXPECT_EQ(*find_command("sh", "/nonexistent:/bin"), "/bin/sh");
  EXPECT_EQ(*find_command("/bin/sh"), "/bin/sh");
  const auto missing = find_command("no-such-program");
  EXPECT_EQ(missing.status().code(), Code::usage);
  EXPECT_EQ(missing.status().message(), "cannot find 'no-such-program' in PATH");
  EXPECT_FALSE(find_command("/bin").ok());
  EXPECT_FALSE(find_command("").ok());
}

}  // namespace
}  // namespace streamutils
