// SPDX-License-Identifier: Apache-2.0
// Copies standard input to a pipe byte by byte, each written only when the reader has taken the one before: whoever
// reads the pipe sees nothing but reads of one byte. Ends with 141 when the reader is gone.
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace {

constexpr int kReaderGone = 141;

int fail(const char* what) {
  std::fprintf(stderr, "dribble: cannot %s: %s\n", what, std::strerror(errno));
  return 1;
}

bool reader_is_gone() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

// Returns 0 once the pipe is empty.
int wait_until_taken() {
  for (int round = 0;; ++round) {
    int waiting = 0;
    if (ioctl(STDOUT_FILENO, FIONREAD, &waiting) != 0) return fail("look into the output, which must be a pipe");
    if (waiting == 0) return 0;
    if (reader_is_gone()) return kReaderGone;
    if (round < 100) {
      sched_yield();
    } else {
      const timespec pause{0, 20'000};
      nanosleep(&pause, nullptr);
    }
  }
}

int copy() {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got == 0) return 0;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail("read the input");
    for (ssize_t i = 0; i < got; ++i) {
      ssize_t put = 0;
      do {
        put = write(STDOUT_FILENO, &buffer[static_cast<std::size_t>(i)], 1);
      } while (put < 0 && errno == EINTR);
      if (put != 1) return errno == EPIPE ? kReaderGone : fail("write");
      if (const int code = wait_until_taken(); code != 0) return code;
    }
  }
}

}  // namespace

int main() { return copy(); }
