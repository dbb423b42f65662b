// SPDX-License-Identifier: Apache-2.0
// Memory lent to a pipe instead of copied into it (vmsplice(2)): a fifth of the system time of write(2) and read(2).
//
// The pipe then holds the pages themselves, so nothing may be written into them before the reader has copied them out.
//  1. A buffer that was lent is not touched, nor given back to the allocator, until the pipe says (FIONREAD) that it
//     holds fewer bytes than came behind that buffer. Bytes of other writers make that later, never earlier.
//  2. That is enough only for a reader that copies with read(2), as all of our programs do. One that moves pages on
//     (splice(2), tee(2): `pv` does) would see them change: whoever sets this up has to know the reader.
//  3. Buffers that are still lent at the end live as long as the process; the pages live as long as the pipe.
#pragma once
#include <cstdint>
#include <deque>
#include <vector>

#include "lib/stream/io_buffer.hpp"

namespace streamutils {

class LentPages {
 public:
  /// Less is copied sooner: a page that is lent takes one of the pipe's places, however little of it is used.
  static constexpr size_t kLeast = 64 << 10;

  explicit LentPages(int fd) : fd_(fd) {}
  ~LentPages();
  LentPages(const LentPages&) = delete;
  LentPages& operator=(const LentPages&) = delete;

  /// Puts bytes of `buffer` into the pipe as write(2) would; the same result and errno. REQUIRES: the bytes do not
  /// change, and `buffer` goes to keep() when they are written or given up.
  ssize_t write(const char* bytes, size_t size);
  /// Whether vmsplice(2) has not been refused yet: after that write(2) is as good.
  [[nodiscard]] bool works() const { return works_; }
  /// Takes over what was lent since the last call, and gives a buffer that is free in return.
  void keep(IoBuffer& buffer);

 private:
  struct Lent {
    uint64_t end;  // of given_, behind it
    IoBuffer buffer;
  };
  void take_back();

  const int fd_;
  bool works_ = true;
  uint64_t given_ = 0;
  std::deque<Lent> lent_;
  std::vector<IoBuffer> free_;
};

}  // namespace streamutils
