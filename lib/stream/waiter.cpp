// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "lib/stream/source.hpp"

namespace streamutils {

StopFlag::StopFlag() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

StopFlag::~StopFlag() {
  if (fd_ >= 0) close(fd_);
}

void StopFlag::request() {
  requested_.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(fd_, &one, sizeof one);  // full means readable already
}

namespace {

int poll_timeout_ms(Duration timeout) {
  if (timeout.us < 0) return -1;
  // Rounded up, so that a deadline has passed when the wait ends.
  return static_cast<int>(std::min<int64_t>((timeout.us + 999) / 1000, std::numeric_limits<int>::max()));
}

}  // namespace

Waiter::Event Waiter::wait(int fd, Duration timeout, bool see_stop) const {
  if (see_stop && stop_.requested()) return Event::stop;
  pollfd fds[3] = {{fd, POLLIN, 0}, {see_stop ? stop_.fd() : -1, POLLIN, 0}, {output_fd_, 0, 0}};
  const int n = ::poll(fds, 3, poll_timeout_ms(timeout));
  if (n < 0) return Event::timeout;  // EINTR: the caller looks again
  // The reader of a pipe left: POLLERR. Regular files and terminals never report it.
  if (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)) return Event::reader_gone;
  if (fds[1].revents) return Event::stop;
  if (fds[0].revents) return Event::ready;
  return Event::timeout;
}

}  // namespace streamutils
