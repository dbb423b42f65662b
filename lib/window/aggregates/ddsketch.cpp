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

void DdSketch::release() {
  ::operator delete (pages_, std::align_val_t{alignof(Page)});
  delete carried_;
}

size_t DdSketch::extra_bytes() const {
  return capacity_ * (sizeof(Page) + sizeof(int32_t)) +
         (carried_ != nullptr ? sizeof(Carried) + carried_->capacity() * sizeof(Carried::value_type) : 0);
}

inline uint32_t DdSketch::place_of(int32_t number) const {
  if (first_ != kGaps) return static_cast<uint32_t>(std::clamp<int32_t>(number - first_, 0, size_));
  // Without branches: where a value falls is unpredictable.
  const int32_t* const all = numbers();
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
  auto* block =
      static_cast<Page*>(::operator new (capacity*(sizeof(Page) + sizeof(int32_t)), std::align_val_t{alignof(Page)}));
  if (size_ > 0) {
    std::memcpy(block, pages_, size_ * sizeof(Page));
    std::memcpy(block + capacity, numbers(), size_ * sizeof(int32_t));
  }
  ::operator delete (pages_, std::align_val_t{alignof(Page)});
  pages_ = block;
  capacity_ = static_cast<uint16_t>(capacity);
}

DdSketch::Page& DdSketch::insert(uint32_t at, int32_t number) {
  // Few values take little memory; many do not move for each page.
  if (size_ == capacity_) reserve(capacity_ == 0 ? 1 : std::clamp(capacity_ * 2U, 4U, kMostPages));
  std::memmove(pages_ + at + 1, pages_ + at, (size_ - at) * sizeof(Page));
  std::memmove(numbers() + at + 1, numbers() + at, (size_ - at) * sizeof(int32_t));
  pages_[at] = Page{};
  numbers()[at] = number;
  ++size_;
  const int32_t first = numbers()[0];
  first_ = numbers()[size_ - 1] - first == size_ - 1 ? first : kGaps;
  return pages_[at];
}

DdSketch::Page& DdSketch::page(int32_t number) {
  uint32_t at = place_of(number);
  if (at < size_ && numbers()[at] == number) return pages_[at];
  // Small gaps are filled: then nothing has to be looked for.
  constexpr int32_t kGap = 4;
  if (at > 0 && number - numbers()[at - 1] <= kGap) {
    while (numbers()[at - 1] + 1 < number) {
      insert(at, numbers()[at - 1] + 1);
      ++at;
    }
  }
  if (at < size_ && numbers()[at] - number <= kGap) {
    while (numbers()[at] - 1 > number) insert(at, numbers()[at] - 1);
  }
  return insert(at, number);
}

void DdSketch::carry(int32_t bucket, uint64_t n) {
  if (carried_ == nullptr) carried_ = new Carried();
  const auto at = std::lower_bound(carried_->begin(), carried_->end(), bucket,
                                   [](const auto& one, int32_t wanted) { return one.first < wanted; });
  if (at != carried_->end() && at->first == bucket) {
    at->second += n;
  } else {
    carried_->insert(at, {bucket, n});
  }
}

void DdSketch::add_to(Page& page, int32_t bucket, uint64_t n) {
  uint16_t& counter = page.counts[bucket & (kPageSize - 1)];
  const uint64_t sum = counter + n;
  counter = static_cast<uint16_t>(sum);
  if (sum >> kCounterBits != 0) carry(bucket, sum >> kCounterBits);
}

template <class Use>
void DdSketch::for_each(Use use) const {
  const std::pair<int32_t, uint64_t>* carried = carried_ != nullptr ? carried_->data() : nullptr;
  const std::pair<int32_t, uint64_t>* const end = carried_ != nullptr ? carried + carried_->size() : nullptr;
  for (uint32_t i = 0; i < size_; ++i) {
    for (int32_t j = 0; j < kPageSize; ++j) {
      uint64_t n = pages_[i].counts[j];
      const int32_t bucket = numbers()[i] * kPageSize + j;
      if (carried != end && carried->first == bucket) n += carried++->second << kCounterBits;
      if (n != 0 && !use(bucket, n)) return;
    }
  }
}

DdSketch::Prepared DdSketch::prepare(double value) const {
  Prepared prepared{value, ordinal(value), 0};
  prepared.place = place_of(prepared.bucket >> kPageBits);
  if (prepared.place < size_) __builtin_prefetch(&pages_[prepared.place]);
  return prepared;
}

void DdSketch::add(const Prepared& prepared) {
  const int32_t number = prepared.bucket >> kPageBits;
  const uint32_t at = prepared.place;
  const bool is_there = at < size_ && (first_ == kGaps ? numbers()[at] : first_ + static_cast<int32_t>(at)) == number;
  Page& its = is_there ? pages_[at] : page(number);
  if (++its.counts[prepared.bucket & (kPageSize - 1)] == 0) carry(prepared.bucket, 1);
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
    const int32_t number = other.numbers()[i];
    Page& mine = page(number);
    const Page& theirs = other.pages_[i];
    for (int32_t j = 0; j < kPageSize; ++j) {
      if (theirs.counts[j] != 0) add_to(mine, number * kPageSize + j, theirs.counts[j]);
    }
  }
  if (other.carried_ != nullptr) {
    for (const auto& [bucket, n] : *other.carried_) carry(bucket, n);
  }
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
}

double DdSketch::value_at(uint64_t rank) const {
  if (rank <= 1) return min_;
  if (rank >= count_) return max_;
  uint64_t seen = 0;
  int32_t found = 0;
  if (carried_ != nullptr) {
    for_each([&](int32_t bucket, uint64_t n) {
      seen += n;
      found = bucket;
      return seen < rank;
    });
  } else {
    uint32_t at = 0;
    for (;; ++at) {  // whole pages first
      uint32_t in_page = 0;
      for (const uint16_t n : pages_[at].counts) in_page += n;
      if (seen + in_page >= rank) break;
      seen += in_page;
    }
    const uint16_t* count = pages_[at].counts;
    while ((seen += *count) < rank) ++count;
    found = numbers()[at] * kPageSize + static_cast<int32_t>(count - pages_[at].counts);
  }
  return std::clamp(middle(found), min_, max_);
}

// Saved: count, min, max, the number of used buckets, then each as number and count in order.
void DdSketch::save(StateWriter& out) const {
  out.u64(count_);
  out.f64(min_);
  out.f64(max_);
  uint32_t used = 0;
  for_each([&used](int32_t, uint64_t) {
    ++used;
    return true;
  });
  out.u32(used);
  for_each([&out](int32_t bucket, uint64_t n) {
    out.u32(static_cast<uint32_t>(bucket));
    out.u64(n);
    return true;
  });
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
    add_to(page(number >> kPageBits), number, n);
    last = number;
  }
  if (total != count) return false;
  count_ = count;
  min_ = min;
  max_ = max;
  return true;
}

}  // namespace streamutils::window
