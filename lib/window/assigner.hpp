// SPDX-License-Identifier: Apache-2.0
// Which windows an event time belongs to, for windows of `size` that begin every `slide` (tumbling: slide == size), and
// for those that begin every `size` and grow by a step up to it (cumulating).
//
// Time is cut at every window edge, k * slide + offset and k * slide + offset + size, into slices: at most two per
// slide. All times of a slice are in the same windows, so a record is added to one slice whatever size / slide is, and
// a window that fires merges its slices. Cumulating windows are cut at every step. Thread rule: one thread at a time.
#pragma once
#include <cstdint>
#include <optional>

#include "lib/base/time.hpp"
#include "lib/window/calendar.hpp"
#include "lib/window/interval.hpp"

namespace streamutils::window {

struct SliceBounds {
  int64_t start = 0, end = 0;
  int64_t first_end = 0, last_end = 0;  ///< ends of the first and the last window that the slice is part of
  [[nodiscard]] bool contains(int64_t time) const { return start <= time && time < end; }
};

class SliceAssigner {
 public:
  /// REQUIRES: size > 0, slide > 0, |offset| < slide.
  SliceAssigner(Duration size, Duration slide, Duration offset);
  /// [k * size, k * size + j * step) for j = 1 .. size / step, all shifted by `offset`.
  /// REQUIRES: step > 0, size a positive multiple of it, |offset| < size.
  static SliceAssigner cumulating(Duration size, Duration step, Duration offset);
  /// Windows of a calendar, one after the other.
  explicit SliceAssigner(Calendar calendar) : calendar_(std::move(calendar)) {}

  enum class Fit : uint8_t {
    assigned,
    unassigned,    ///< slide > size, and the time falls between two windows
    out_of_range,  ///< a bound of one of its windows is beyond int64 microseconds
  };
  /// Sets `slice` when the result is `assigned`.
  Fit assign(int64_t time, SliceBounds& slice) const;

  /// The smallest window end above `time`; empty beyond int64.
  [[nodiscard]] std::optional<int64_t> end_after(int64_t time) const;
  /// Can a time be in several windows?
  [[nodiscard]] bool overlapping() const { return slide_ < size_; }
  /// Has a window a time in [start, end)?
  [[nodiscard]] bool meets(int64_t start, int64_t end) const {
    const auto next = end_after(start);
    return next && start_of(*next) < end;
  }
  /// Is `end` the end of a window whose bounds are in range?
  [[nodiscard]] bool is_end(int64_t end) const;
  /// Where the window that ends at `end`, which is the end of one, begins; the least number when that is out of range.
  [[nodiscard]] int64_t start_of(int64_t end) const;
  /// The window that ends at `end`. REQUIRES: `end` is the end of a window that holds a record.
  [[nodiscard]] Interval window(int64_t end) const { return {start_of(end), end}; }

 private:
  /// In numbers of this type, which must hold the sums of any three that it computes with.
  template <class Int>
  Fit assign_in(int64_t time, SliceBounds& slice) const;

  int64_t size_ = 1, slide_ = 1, offset_ = 0;  // cumulating: the slide is the step
  bool cumulates_ = false;
  int64_t rest_ = 0;  // size mod slide: where in a slide the windows end
  std::optional<Calendar> calendar_;
};

}  // namespace streamutils::window
