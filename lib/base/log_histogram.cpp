// SPDX-License-Identifier: Apache-2.0
#include "lib/base/log_histogram.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <numeric>

namespace streamutils {

void LogHistogram::Free::operator()(uint64_t* counts) const { std::free(counts); }

LogHistogram::LogHistogram() : counts_(static_cast<uint64_t*>(std::calloc(kBuckets, sizeof(uint64_t)))) {
  if (!counts_) throw std::bad_alloc();
}

void LogHistogram::merge(const LogHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  max_ = std::max(max_, other.max_);
}

uint64_t LogHistogram::count() const { return std::accumulate(counts_.get(), counts_.get() + kBuckets, uint64_t{0}); }

uint64_t LogHistogram::top_of(size_t bucket) {
  if (bucket < 2 * kPerPower) return bucket;
  const uint64_t shift = bucket / kPerPower - 1;
  // The last bucket's bound is 2^64: it wraps around to the largest value.
  return ((bucket % kPerPower + kPerPower + 1) << shift) - 1;
}

uint64_t LogHistogram::value_at(uint64_t rank) const {
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(top_of(i), max_);
  }
  return max_;
}

uint64_t LogHistogram::at_most(uint64_t bound) const {
  if (bound >= max_) return count();
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets && top_of(i) <= bound; ++i) seen += counts_[i];
  return seen;
}

}  // namespace streamutils
