// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/lent_pages.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <utility>

namespace streamutils {

namespace {

/// Buffers whose pages a reader may still have to read when their owner ends. Never freed: the allocator would give
/// them to somebody who writes.
void keep_for_ever(IoBuffer buffer) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<IoBuffer>;
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(buffer));
}

}  // namespace

LentPages::~LentPages() {
  take_back();
  for (Lent& lent : lent_) keep_for_ever(std::move(lent.buffer));
}

ssize_t LentPages::write(const char* bytes, size_t size) {
  ssize_t n = -1;
  if (works_) {
    const iovec part{const_cast<char*>(bytes), size};
    n = vmsplice(fd_, &part, 1, 0);
    // Not a pipe, or not allowed here.
    works_ = n >= 0 || (errno != EBADF && errno != EINVAL && errno != ENOSYS && errno != EPERM && errno != ENOMEM);
  }
  if (!works_) n = ::write(fd_, bytes, size);
  if (n > 0) given_ += static_cast<uint64_t>(n);
  return n;
}

void LentPages::keep(IoBuffer& buffer) {
  lent_.push_back({given_, std::move(buffer)});
  if (free_.empty()) take_back();
  buffer = IoBuffer();
  if (free_.empty()) return;
  buffer = std::move(free_.back());
  free_.pop_back();
  buffer.clear();
}

/// The pipe gives bytes in their order: what does not fit into the last `unread` of them was read.
void LentPages::take_back() {
  int unread = 0;
  if (ioctl(fd_, FIONREAD, &unread) != 0 || unread < 0) return;
  while (!lent_.empty() && lent_.front().end + static_cast<uint64_t>(unread) <= given_) {
    free_.push_back(std::move(lent_.front().buffer));
    lent_.pop_front();
  }
}

}  // namespace streamutils
