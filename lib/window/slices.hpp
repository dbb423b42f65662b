// SPDX-License-Identifier: Apache-2.0
// What SlicedWindows keeps: for each key its rows, one for each slice of time that it has records in, and for each
// slice the keys that have a row in it. Thread rule: one thread.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "lib/window/assigner.hpp"
#include "lib/window/compact_vector.hpp"
#include "lib/window/key_table.hpp"

namespace streamutils::window {

/// A key's row of one slice. 16 bytes, since there is one for each key and slice.
class SliceRow {
 public:
  SliceRow() = default;
  SliceRow(int64_t slice_start, char* row) : start(slice_start), tagged_(reinterpret_cast<uintptr_t>(row)) {}
  [[nodiscard]] char* row() const { return reinterpret_cast<char*>(tagged_ & ~uintptr_t{1}); }
  /// Changed since it was last given (with --partial) or since the last fire_early().
  [[nodiscard]] bool touched() const { return (tagged_ & 1) != 0; }
  void set_touched(bool touched) { tagged_ = (tagged_ & ~uintptr_t{1}) | uintptr_t{touched}; }
  int64_t start;

 private:
  uintptr_t tagged_;  // rows are aligned: their last bit is free
};

/// A key's rows in order of time.
using SliceRows = CompactVector<SliceRow>;
using SliceKeys = KeyTable<SliceRows>;

/// The first row whose slice begins at `start` or later. Without branches: where it is is unpredictable.
inline const SliceRow* first_from(std::span<const SliceRow> rows, int64_t start) {
  const SliceRow* base = rows.data();
  for (size_t rest = rows.size(); rest > 0;) {
    const size_t half = (rest + 1) / 2;
    base += half & -static_cast<size_t>(base[half - 1].start < start);
    rest -= half;
  }
  return base;
}

/// The same, looking at `guess`, which is below rows.size(), first, then around it further and further: of many rows
/// few are touched.
inline const SliceRow* first_from(std::span<const SliceRow> rows, int64_t start, size_t guess) {
  size_t low = 0, high = rows.size();  // the first is in [low, high]
  if (rows[guess].start < start) {
    low = guess + 1;
    for (size_t step = 2; low + step < rows.size(); step *= 2) {
      if (rows[low + step].start >= start) {
        high = low + step;
        break;
      }
      low += step + 1;
    }
  } else {
    high = guess;
    for (size_t step = 2; step < high; step *= 2) {
      if (rows[high - step].start < start) {
        low = high - step + 1;
        break;
      }
      high -= step;
    }
  }
  return first_from(rows.subspan(low, high - low), start);
}

struct Slice {
  SliceBounds bounds;
  std::vector<KeyId> keys;
};

/// The slices that have rows, by start.
class Slices {
 public:
  using Map = std::map<int64_t, Slice>;
  using Iterator = Map::iterator;

  /// The slice; made when it is not there. Records come in many slices at a time, but mostly in the same.
  Slice& at(const SliceBounds& bounds) {
    Slice*& latest = latest_[static_cast<uint64_t>(bounds.start) * 0x9e3779b97f4a7c15 >> (64 - kLatestBits)];
    if (latest == nullptr || latest->bounds.start != bounds.start) {
      latest = &map_.try_emplace(bounds.start).first->second;
      latest->bounds = bounds;
    }
    return *latest;
  }
  void erase(Iterator slice) {
    latest_.fill(nullptr);
    map_.erase(slice);
  }
  Iterator find(int64_t start) { return map_.find(start); }
  /// The first that begins at `start` or later.
  Iterator from(int64_t start) { return map_.lower_bound(start); }
  /// Where the last one begins. REQUIRES: not empty.
  [[nodiscard]] int64_t last() const { return map_.rbegin()->first; }
  Iterator begin() { return map_.begin(); }
  Iterator end() { return map_.end(); }
  [[nodiscard]] bool empty() const { return map_.empty(); }

 private:
  static constexpr int kLatestBits = 8;
  Map map_;
  std::array<Slice*, 1 << kLatestBits> latest_{};  // where to look first
};

}  // namespace streamutils::window
