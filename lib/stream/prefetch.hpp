// SPDX-License-Identifier: Apache-2.0
// Reads a regular file some blocks ahead, in whichever thread has nothing else to do. The blocks come in their order.
//
// Thread rule: next() is called by one thread, fetch() by any others.
#pragma once
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>

#include "lib/stream/io_buffer.hpp"

namespace streamutils {

class Prefetch {
 public:
  /// In front of what is read is room for what is left of the bytes before: read(2) into addresses that are not aligned
  /// took 10 to 20 % longer.
  static constexpr size_t kLead = IoBuffer::kPage;
  static constexpr size_t kBytes = 256 << 10;

  struct Block {
    IoBuffer bytes;  ///< what was read begins at kLead, and ends at bytes.size()
    ssize_t read = 0;
    int error = 0;  ///< errno, when read is negative
  };

  /// Does not own `fd`, a regular file.
  explicit Prefetch(int fd) : fd_(fd) {}

  /// Reads one block; false when there was no place for it, somebody else reads, or the file has ended.
  bool fetch();
  /// The next block: one that was fetched, or is just now, or read here. It is the caller's until the next call.
  Block& next();
  /// Would next() not have to read?
  [[nodiscard]] bool is_ready() const { return fetched_.load(std::memory_order_acquire) != taken_; }

 private:
  static constexpr size_t kBlocks = 4;

  void read(Block& block);
  void release();

  int fd_;
  std::array<Block, kBlocks + 1> blocks_;  // one is in the hands of who called next()
  std::atomic<bool> reading_{false};       // whoever sets it may read, and change what is marked so
  std::atomic<size_t> fetched_{0};         // blocks; changed with reading_
  std::atomic<size_t> taken_{0};           // changed by next()
  bool ended_ = false;                     // with reading_
};

}  // namespace streamutils
