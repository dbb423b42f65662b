// SPDX-License-Identifier: Apache-2.0
// DDSketch (Masson, Rim, Lee, VLDB 2019): quantiles with a bounded relative error, whatever the distribution.
//
// Values fall into buckets whose bounds grow by a factor of at most gamma = 1.01; a bucket stands for the value that is
// within kRelativeError of all in it. The bucket number is a cubic approximation of the logarithm (DDSketch's own),
// made of additions and multiplications only, so that the state is the same on every machine. Negative values have
// mirrored buckets, zero has its own, and the smallest and largest value are kept exactly.
//
// Invariants:
//  1. The state is a function of the multiset of values: neither order nor merging matters, nothing is ever collapsed.
//  2. quantile() is within kRelativeError of the value with that rank, for values of at least 2.3e-308 in magnitude.
// Memory: pages of 16 counters, 132 bytes each, only where values are; 1 page for one value, about 45 for latencies
// from 1 ms to 1 s. The hard bound, reached only by values spread over all of double's range, is 9,400 pages (1.2 MB) a
// sign. Complexity: add O(log pages); quantile and merge O(pages).
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/stream/state.hpp"

namespace streamutils::window {

class DdSketch {
 public:
  static constexpr double kRelativeError = 0.005;

  DdSketch() = default;
  DdSketch(const DdSketch&) = delete;
  DdSketch& operator=(const DdSketch&) = delete;
  ~DdSketch() { release(); }

  /// REQUIRES: finite.
  void add(double value) { add(prepare(value)); }
  /// A value on its way in: its bucket, and where that is unless others come in before.
  struct Prepared {
    double value = 0;
    int32_t bucket = 0;
    uint32_t place = 0;
  };
  [[nodiscard]] Prepared prepare(double value) const;
  void add(const Prepared& prepared);
  void merge(const DdSketch& other);

  [[nodiscard]] uint64_t count() const { return count_; }
  /// The value of the rank-th smallest (from 1), within the error; exact for the first and the last.
  /// REQUIRES: 1 <= rank <= count().
  [[nodiscard]] double value_at(uint64_t rank) const;

  [[nodiscard]] size_t extra_bytes() const { return capacity_ * (sizeof(Page) + sizeof(int32_t)); }
  void save(StateWriter& out) const;
  bool load(StateReader& in);

 private:
  static constexpr int32_t kPageBits = 4;
  static constexpr int32_t kPageSize = 1 << kPageBits;
  struct Page {
    uint64_t counts[kPageSize];
  };
  static_assert(sizeof(Page) == 128);

  // One block: capacity_ pages, then their numbers, both in order of value.
  [[nodiscard]] Page* pages() const { return pages_; }
  [[nodiscard]] int32_t* numbers() const { return reinterpret_cast<int32_t*>(pages_ + capacity_); }
  [[nodiscard]] uint32_t lower_bound(int32_t number) const;
  /// The page, made empty when it was not there.
  Page& page(int32_t number);
  void reserve(uint32_t capacity);
  void release();

  uint64_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  Page* pages_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace streamutils::window
