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
// Memory: pages of 32 counters of two bytes, 68 bytes each, where values are and in gaps of few pages; 1 page for one
// value, about 23 for latencies from 1 ms to 1 s. What a counter cannot hold is carried into a list, 16 bytes for each
// bucket of more than 65,535 values. The hard bound, reached only by values spread over all of double's range, is 4,700
// pages (320 KB, with lists 2.7 MB) a sign. Complexity: add O(1) where pages lie without gaps, else O(log pages), and
// once in 65,536 times O(list); quantile and merge O(pages).
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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

  [[nodiscard]] size_t extra_bytes() const;
  void save(StateWriter& out) const;
  bool load(StateReader& in);

 private:
  static constexpr int32_t kPageBits = 5;
  static constexpr int32_t kPageSize = 1 << kPageBits;
  static constexpr uint32_t kMostPages = 9'500;  // more than buckets of both signs need
  static constexpr int kCounterBits = 16;
  struct alignas(64) Page {  // a cache line
    uint16_t counts[kPageSize];
  };
  static_assert(sizeof(Page) == 64);
  static constexpr int32_t kGaps = INT32_MIN;
  /// By bucket, in order: what its counter lacks, in units of 2^kCounterBits.
  using Carried = std::vector<std::pair<int32_t, uint64_t>>;

  // One block: capacity_ pages, then their numbers, both in order of value.
  [[nodiscard]] Page* pages() const { return pages_; }
  [[nodiscard]] int32_t* numbers() const { return reinterpret_cast<int32_t*>(pages_ + capacity_); }
  /// Where the page is, or would be.
  [[nodiscard]] uint32_t place_of(int32_t number) const;
  /// The page, made empty when it was not there.
  Page& page(int32_t number);
  Page& insert(uint32_t at, int32_t number);
  void add_to(Page& page, int32_t bucket, uint64_t n);
  void carry(int32_t bucket, uint64_t n);
  /// Calls `use(bucket, count)` for each count that is not zero, in order, until it returns false.
  template <class Use>
  void for_each(Use use) const;
  void reserve(uint32_t capacity);  ///< at most kMostPages
  void release();

  uint64_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  Page* pages_ = nullptr;
  Carried* carried_ = nullptr;  // mostly none
  uint16_t size_ = 0;
  uint16_t capacity_ = 0;
  int32_t first_ = 0;  // the first page's number; kGaps: there are gaps, else a page's number tells its place
};

}  // namespace streamutils::window
