// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/ddsketch.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>

namespace streamutils::window {

namespace {

// log2(1 + s) is about ((kA * s + kB) * s + kC) * s, whose slope against ln(1 + s) is at least kC. A bucket of width
// 1 / kBucketsPerUnit is then at most 1 / (kBucketsPerUnit * kC) = ln(1.00999993) wide: gamma < 1.01, and the error
// (gamma - 1) / (gamma + 1) < 0.4976 %.
constexpr double kA = 6.0 / 35.0;
constexpr double kB = -3.0 / 5.0;
constexpr double kC = 10.0 / 7.0;
constexpr double kBucketsPerUnit = 70.35;
// The bucket of the smallest subnormal is -1074 * kBucketsPerUnit: with the offset all are positive.
constexpr int32_t kOffset = 76'000;
constexpr int32_t kMaxOrdinal = 150'000;

/// The bucket of `value`, ordered as values are: 0 for zero, mirrored for negative values.
int32_t ordinal(double value) {
  if (value == 0) return 0;
  double magnitude = std::fabs(value);
  int exponent = -1023;
  if (magnitude < 0x1p-1022) {
    magnitude *= 0x1p64;
    exponent -= 64;
  }
  const auto bits = std::bit_cast<uint64_t>(magnitude);
  exponent += static_cast<int>(bits >> 52);
  const double s = std::bit_cast<double>((bits & 0xfffffffffffff) | 0x3ff0000000000000) - 1;
  const double position = exponent + ((kA * s + kB) * s + kC) * s;
  const auto number = static_cast<int32_t>(position * kBucketsPerUnit + kOffset);
  return value < 0 ? -number : number;
}

/// The lower bound of a positive bucket; infinity past the last.
double lower_value(int32_t number) {
  const double position = (number - kOffset) / kBucketsPerUnit;
  const double exponent = std::floor(position);
  const double wanted = position - exponent;
  double s = wanted;
  for (int i = 0; i < 6; ++i) {  // Newton; the slope is between 0.74 and 1.43
    s -= (((kA * s + kB) * s + kC) * s - wanted) / ((3 * kA * s + 2 * kB) * s + kC);
  }
  return std::ldexp(1 + s, static_cast<int>(exponent));
}

/// What stands for all values of a bucket.
double middle(int32_t number) {
  if (number == 0) return 0;
  const double low = lower_value(std::abs(number));
  const double high = lower_value(std::abs(number) + 1);
  const double value = low * (2 / (1 + low / high));  // the harmonic mean: the same relative error at both bounds
  return number < 0 ? -value : value;
}

}  // namespace

void DdSketch::release() { ::operator delete(pages_); }

uint32_t DdSketch::lower_bound(int32_t number) const {
  // REQUIRES: size_ > 0. Pages mostly lie with few gaps: then the distance to the first nearly tells which one it is.
  constexpr int kMostGaps = 4;
  const int32_t* const all = numbers();
  if (number >= all[0]) {
    uint32_t at = std::min(static_cast<uint32_t>(number - all[0]), size_ - 1);
    for (int gaps = 0; gaps < kMostGaps && all[at] > number; ++gaps) --at;
    if (all[at] == number) return at;
  }
  // Without branches: where a value falls is unpredictable.
  const int32_t* base = all;
  for (uint32_t rest = size_; rest > 1;) {
    const uint32_t half = rest / 2;
    base += base[half - 1] < number ? half : 0;
    rest -= half;
  }
  return static_cast<uint32_t>(base - all) + (*base < number ? 1 : 0);
}

void DdSketch::reserve(uint32_t capacity) {
  if (capacity <= capacity_) return;
  auto* block = static_cast<Page*>(::operator new(capacity*(sizeof(Page) + sizeof(int32_t))));
  if (size_ > 0) {
    std::memcpy(block, pages_, size_ * sizeof(Page));
    std::memcpy(block + capacity, numbers(), size_ * sizeof(int32_t));
  }
  release();
  pages_ = block;
  capacity_ = capacity;
}

DdSketch::Page& DdSketch::page(int32_t number) {
  const uint32_t at = size_ == 0 ? 0 : lower_bound(number);
  if (at < size_ && numbers()[at] == number) return pages_[at];
  if (size_ == capacity_) reserve(capacity_ + capacity_ / 2 + 1);
  std::memmove(pages_ + at + 1, pages_ + at, (size_ - at) * sizeof(Page));
  std::memmove(numbers() + at + 1, numbers() + at, (size_ - at) * sizeof(int32_t));
  pages_[at] = Page{};
  numbers()[at] = number;
  ++size_;
  return pages_[at];
}

DdSketch::Prepared DdSketch::prepare(double value) const {
  Prepared prepared{value, ordinal(value), 0};
  if (size_ > 0) {
    prepared.place = lower_bound(prepared.bucket >> kPageBits);
    if (prepared.place < size_) __builtin_prefetch(&pages_[prepared.place].counts[prepared.bucket & (kPageSize - 1)]);
  }
  return prepared;
}

void DdSketch::add(const Prepared& prepared) {
  const int32_t number = prepared.bucket >> kPageBits;
  Page& its = prepared.place < size_ && numbers()[prepared.place] == number ? pages_[prepared.place] : page(number);
  ++its.counts[prepared.bucket & (kPageSize - 1)];
  if (count_++ == 0) {
    min_ = max_ = prepared.value;
  } else {
    min_ = std::min(min_, prepared.value);
    max_ = std::max(max_, prepared.value);
  }
}

void DdSketch::merge(const DdSketch& other) {
  if (other.count_ == 0) return;
  reserve(other.size_);
  for (uint32_t i = 0; i < other.size_; ++i) {
    Page& mine = page(other.numbers()[i]);
    const Page& theirs = other.pages_[i];
    for (int32_t j = 0; j < kPageSize; ++j) mine.counts[j] += theirs.counts[j];
  }
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
}

double DdSketch::value_at(uint64_t rank) const {
  if (rank <= 1) return min_;
  if (rank >= count_) return max_;
  uint64_t seen = 0;
  for (uint32_t i = 0; i < size_; ++i) {
    for (int32_t j = 0; j < kPageSize; ++j) {
      seen += pages_[i].counts[j];
      if (seen >= rank) return std::clamp(middle(numbers()[i] * kPageSize + j), min_, max_);
    }
  }
  return max_;
}

// Saved: count, min, max, the number of used buckets, then each as number and count in order.
void DdSketch::save(StateWriter& out) const {
  out.u64(count_);
  out.f64(min_);
  out.f64(max_);
  uint32_t used = 0;
  for (uint32_t i = 0; i < size_; ++i) {
    for (const uint64_t n : pages_[i].counts) used += n != 0 ? 1 : 0;
  }
  out.u32(used);
  for (uint32_t i = 0; i < size_; ++i) {
    for (int32_t j = 0; j < kPageSize; ++j) {
      if (pages_[i].counts[j] == 0) continue;
      out.u32(static_cast<uint32_t>(numbers()[i] * kPageSize + j));
      out.u64(pages_[i].counts[j]);
    }
  }
}

bool DdSketch::load(StateReader& in) {
  const uint64_t count = in.u64();
  const double min = in.f64();
  const double max = in.f64();
  const uint32_t used = in.u32();
  if (!in.ok() || !std::isfinite(min) || !std::isfinite(max) || min > max) return false;
  int64_t last = -kMaxOrdinal - 1;
  uint64_t total = 0;
  for (uint32_t i = 0; i < used; ++i) {
    const auto number = static_cast<int32_t>(in.u32());
    const uint64_t n = in.u64();
    if (!in.ok() || n == 0 || number <= last || number > kMaxOrdinal) return false;
    if (__builtin_add_overflow(total, n, &total)) return false;
    page(number >> kPageBits).counts[number & (kPageSize - 1)] = n;
    last = number;
  }
  if (total != count) return false;
  count_ = count;
  min_ = min;
  max_ = max;
  return true;
}

}  // namespace streamutils::window
