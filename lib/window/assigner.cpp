// SPDX-License-Identifier: Apache-2.0
#include "lib/window/assigner.hpp"

#include <algorithm>
#include <limits>

namespace streamutils::window {

namespace {

__extension__ typedef __int128 Wide;  // sums of any three int64 fit

constexpr Wide kMin = std::numeric_limits<int64_t>::min();
constexpr Wide kMax = std::numeric_limits<int64_t>::max();

/// Sums of any three numbers below this in magnitude are int64 too, whose division is ten times as fast.
constexpr int64_t kNarrow = int64_t{1} << 61;
bool is_narrow(int64_t value) { return -kNarrow < value && value < kNarrow; }

template <class Int>
Int floor_mod(Int value, Int divisor) {
  const Int rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}

}  // namespace

SliceAssigner::SliceAssigner(Duration size, Duration slide, Duration offset)
    : size_(size.us), slide_(slide.us), offset_(offset.us), rest_(size.us % slide.us) {}

SliceAssigner SliceAssigner::cumulating(Duration size, Duration step, Duration offset) {
  SliceAssigner assigner(size, step, offset);
  assigner.cumulates_ = true;
  return assigner;
}

SliceAssigner::Fit SliceAssigner::assign(int64_t time, SliceBounds& slice) const {
  if (calendar_) {
    const auto window = calendar_->window(time);
    if (!window) return Fit::out_of_range;
    slice = {window->start, window->end, window->end, window->end};
    return Fit::assigned;
  }
  if (is_narrow(time) && is_narrow(size_) && is_narrow(slide_)) return assign_in<int64_t>(time, slice);
  return assign_in<Wide>(time, slice);
}

template <class Int>
SliceAssigner::Fit SliceAssigner::assign_in(int64_t time, SliceBounds& slice) const {
  if (cumulates_) {
    const Int base = Int(time) - floor_mod(Int(time) - offset_, Int(size_));
    if (base < kMin || base + size_ > kMax) return Fit::out_of_range;
    const Int start = Int(time) - floor_mod(Int(time) - base, Int(slide_));
    slice = {int64_t(start), int64_t(start + slide_), int64_t(start + slide_), int64_t(base + size_)};
    return Fit::assigned;
  }
  const Int r = floor_mod(Int(time) - offset_, Int(slide_));
  const Int base = Int(time) - r;  // the start of the last window that has begun
  if (r >= size_) return Fit::unassigned;
  const bool head = r < rest_;  // before the edge at which an older window ends
  const Int start = rest_ == 0 || head ? base : base + rest_;
  const Int end = head ? base + rest_ : base + slide_;
  const Int last_end = base + size_;
  // The first window still holds `time`: the smallest start above time - size.
  const Int first_end = base - (size_ - 1 - r) / slide_ * slide_ + size_;
  if (first_end - size_ < kMin || last_end > kMax) return Fit::out_of_range;
  // With every window in range, so is every edge: an edge of this slice lies within its windows.
  slice = {int64_t(start), int64_t(end), int64_t(first_end), int64_t(last_end)};
  return Fit::assigned;
}

std::optional<int64_t> SliceAssigner::end_after(int64_t time) const {
  if (calendar_) {
    const auto window = calendar_->window(std::max(time, Calendar::kFirst));
    return window ? std::optional(window->end) : std::nullopt;
  }
  const Wide distance = Wide(time) - offset_ - size_;
  const Wide end = Wide(time) - floor_mod<Wide>(distance, slide_) + slide_;
  if (end > kMax) return std::nullopt;
  return int64_t(end);
}

bool SliceAssigner::is_end(int64_t end) const {
  if (end < std::numeric_limits<int64_t>::min() + (cumulates_ ? slide_ : size_) || end_after(end - 1) != end)
    return false;
  return !cumulates_ || Wide(end) - 1 - floor_mod<Wide>(Wide(end) - 1 - offset_, size_) >= kMin;
}

int64_t SliceAssigner::start_of(int64_t end) const {
  if (calendar_) {
    const auto window = calendar_->window(end - 1);
    return window ? window->start : std::numeric_limits<int64_t>::min();
  }
  if (cumulates_) {
    const Wide base = Wide(end) - 1 - floor_mod<Wide>(Wide(end) - 1 - offset_, size_);
    return base < kMin ? std::numeric_limits<int64_t>::min() : int64_t(base);
  }
  int64_t start = 0;
  return __builtin_sub_overflow(end, size_, &start) ? std::numeric_limits<int64_t>::min() : start;
}

}  // namespace streamutils::window
