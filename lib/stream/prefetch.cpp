// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/prefetch.hpp"

#include <unistd.h>

#include <cerrno>

#include "lib/stream/spin.hpp"

namespace streamutils {

/// REQUIRES: reading_ is ours.
void Prefetch::read(Block& block) {
  block.bytes.clear();
  block.bytes.ensure(kLead + kBytes);
  block.read = ::read(fd_, block.bytes.data() + kLead, kBytes);
  block.error = block.read < 0 ? errno : 0;
  block.bytes.resize(kLead + (block.read > 0 ? static_cast<size_t>(block.read) : 0));
  ended_ = block.read <= 0;
  fetched_.store(fetched_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void Prefetch::release() {
  reading_.store(false, std::memory_order_release);
  reading_.notify_one();
}

bool Prefetch::fetch() {
  const auto is_full = [this] { return fetched_.load() - taken_.load(std::memory_order_acquire) >= kBlocks; };
  if (is_full() || reading_.exchange(true, std::memory_order_acquire)) return false;
  const bool reads = !ended_ && !is_full();
  if (reads) read(blocks_[fetched_.load(std::memory_order_relaxed) % blocks_.size()]);
  release();
  return reads;
}

Prefetch::Block& Prefetch::next() {
  const size_t index = taken_.load(std::memory_order_relaxed);
  while (!is_ready()) {
    if (reading_.exchange(true, std::memory_order_acquire)) {
      // From a disk it may take long.
      if (!spin_until([this] { return is_ready() || !reading_.load(std::memory_order_relaxed); })) reading_.wait(true);
      continue;
    }
    if (!is_ready()) read(blocks_[index % blocks_.size()]);
    release();
  }
  taken_.store(index + 1, std::memory_order_release);
  return blocks_[index % blocks_.size()];
}

}  // namespace streamutils
