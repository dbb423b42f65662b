// SPDX-License-Identifier: Apache-2.0
// What the makers of data share: the same numbers on every machine, numbers from argv, and large writes.
#pragma once

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>

namespace streamutils::bench {

/// Splitmix64: the same numbers on every machine.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
};

/// The number that `text` begins with, 0 when there is none.
inline int64_t number(const char* text) {
  int64_t value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

/// Writes all of `bytes` to `fd` and empties it; false when the reader is gone or the disk full.
inline bool write_all(std::string& bytes, int fd = STDOUT_FILENO) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  bytes.clear();
  return true;
}

}  // namespace streamutils::bench
