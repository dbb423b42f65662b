// SPDX-License-Identifier: Apache-2.0
// Memory for the aggregate plan's rows, in chunks, reused through a free list.
//
// Thread rule: one thread. Whoever makes a row releases it before the pool ends.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/window/aggregates/plan.hpp"

namespace streamutils::window {

class RowPool {
 public:
  explicit RowPool(const AggregatePlan& plan)
      : plan_(plan), stride_(std::max<size_t>(kAlign, (plan.row_bytes() + kAlign - 1) / kAlign * kAlign)) {}
  RowPool(const RowPool&) = delete;
  RowPool& operator=(const RowPool&) = delete;

  /// An empty row.
  char* make() {
    char* row = free_;
    if (row != nullptr) {
      std::memcpy(&free_, row, sizeof free_);
    } else {
      if (unused_ == 0) grow();
      row = next_;
      next_ += stride_;
      --unused_;
    }
    plan_.init(row);
    return row;
  }
  void release(char* row) {
    plan_.destroy(row);
    std::memcpy(row, &free_, sizeof free_);
    free_ = row;
  }

 private:
  static constexpr size_t kAlign = 8;
  static constexpr size_t kFirstRows = 16, kChunkBytes = 256 * 1024;

  void grow() {
    // Chunks double up to kChunkBytes, so that few keys take little memory and many keys few allocations.
    const size_t wanted = chunks_.empty() ? kFirstRows : last_rows_ * 2;
    last_rows_ = std::max<size_t>(1, std::min(wanted, std::max<size_t>(kFirstRows, kChunkBytes / stride_)));
    chunks_.push_back(std::make_unique<Block[]>(last_rows_ * stride_ / kAlign));
    next_ = reinterpret_cast<char*>(chunks_.back().get());
    unused_ = last_rows_;
  }

  struct alignas(kAlign) Block {
    char bytes[kAlign];
  };
  const AggregatePlan& plan_;
  size_t stride_;
  std::vector<std::unique_ptr<Block[]>> chunks_;
  size_t last_rows_ = 0;
  char* next_ = nullptr;
  size_t unused_ = 0;
  char* free_ = nullptr;
};

}  // namespace streamutils::window
