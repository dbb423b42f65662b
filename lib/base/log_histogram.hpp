// SPDX-License-Identifier: Apache-2.0
// Counts non-negative integers in buckets that grow with the value, for quantiles whose error has one side only.
//
// Values below 256 have a bucket each; above that every power of two is cut into 128. A bucket answers with its largest
// value, so that a quantile is never too low, and too high by less than kRelativeError.
//
// Invariants:
//  1. The state is a function of the multiset of values: neither order nor merging matters.
//  2. For any rank: exact value <= value_at(rank) <= exact value * (1 + kRelativeError), and at most the largest value.
// Memory: 58 KiB of address space, touched only where values are. Complexity: add O(1), a handful of instructions;
// all else O(buckets).
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace streamutils {

class LogHistogram {
 public:
  static constexpr double kRelativeError = 1.0 / 128;

  LogHistogram();

  void add(uint64_t value) {
    ++counts_[bucket_of(value)];  // all that is summed up later is left out: this is paid for every record
    if (value > max_) max_ = value;
  }
  void merge(const LogHistogram& other);

  [[nodiscard]] uint64_t count() const;
  /// The largest value, exactly; 0 without any.
  [[nodiscard]] uint64_t max() const { return max_; }
  /// Not below the rank-th smallest value (from 1). REQUIRES: 1 <= rank <= count().
  [[nodiscard]] uint64_t value_at(uint64_t rank) const;
  /// How many values are `bound` or less: never too many; values in the bucket of `bound` count only when all are.
  [[nodiscard]] uint64_t at_most(uint64_t bound) const;

 private:
  static constexpr int kBits = 7;
  static constexpr uint64_t kPerPower = 1 << kBits;
  static constexpr size_t kBuckets = (64 - kBits + 1) * kPerPower;

  static size_t bucket_of(uint64_t value) {
    const int shift = 63 - kBits - std::countl_zero(value | kPerPower);
    return (static_cast<size_t>(shift) << kBits) + (value >> shift);
  }
  /// The largest value of a bucket.
  static uint64_t top_of(size_t bucket);

  struct Free {
    void operator()(uint64_t* counts) const;
  };
  std::unique_ptr<uint64_t[], Free> counts_;  // calloc(): pages that are never counted in stay out of memory
  uint64_t max_ = 0;
};

}  // namespace streamutils
