// SPDX-License-Identifier: Apache-2.0
// Merges of a key's slices for window after window: two stacks (Tangwongsan, Hirzel, Schneider, "General incremental
// sliding-window aggregation", VLDB 2015). Each slice is merged three times in all, however many windows it is in.
//
// What a key has: of the slices before its pivot, every one merged with all that follow it up to there (front); of the
// slices behind it, one merge of all that windows have reached (back). A window is one of the front and the back.
//
// Thread rule: one thread.
// Invariants:
//  1. merged() gives what merging the rows one by one in order of time gives: AggregatePlan::merge() is associative.
//  2. Nothing of it is saved: it is made again from the rows.
// Memory: for each key in windows of many slices up to as many rows again as it has.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/window/aggregates/plan.hpp"
#include "lib/window/interval.hpp"
#include "lib/window/key_table.hpp"

namespace streamutils::window {

class SlidingMerge {
 public:
  struct Row {
    int64_t start;
    const char* row;
  };

  explicit SlidingMerge(const AggregatePlan& plan)
      : plan_(plan), stride_((plan.row_bytes() + kAlign - 1) / kAlign * kAlign) {}
  ~SlidingMerge();
  SlidingMerge(const SlidingMerge&) = delete;
  SlidingMerge& operator=(const SlidingMerge&) = delete;

  /// The rows of a key in a window, `count` > 0 of them, as `at(i)` gives them in order of time, merged. It lives until
  /// the next call. Cheap when a key's windows come in order of time.
  template <class At>
  const char* merged(KeyId key, Interval window, size_t count, At at) {
    Stacks& stacks = stacks_of(key);
    if (!stacks.valid || window.end < stacks.reached || window.start >= stacks.pivot || window.start < stacks.from) {
      clear(stacks);
      reserve(stacks, count);
      for (size_t i = count; i-- > 0;) push_front(stacks, at(i));
      stacks.pivot = window.end;
    } else {
      size_t first = count;
      while (first > 0 && at(first - 1).start >= stacks.reached) --first;
      for (; first < count; ++first) push_back(stacks, at(first).row);
      drop_front(stacks, window.start);
    }
    stacks.valid = true;
    stacks.from = window.start;
    stacks.reached = window.end;
    return read(stacks);
  }
  /// A row that a window may have held was changed.
  void forget(KeyId key);
  void erase(KeyId key);

 private:
  static constexpr size_t kAlign = 16;
  struct Stacks {
    bool valid = false, has_back = false;
    int64_t from = 0, pivot = 0, reached = 0;  // starts of slices: front is of [from, pivot), back of [pivot, reached)
    std::vector<int64_t> starts;               // of what the front has, the earliest last
    size_t capacity = 0;                       // of rows: the back, then the front, side by side
    std::unique_ptr<std::byte[]> rows;
  };

  char* row(const Stacks& stacks, size_t i) const { return reinterpret_cast<char*>(stacks.rows.get()) + i * stride_; }
  char* last_front(const Stacks& stacks) const { return row(stacks, stacks.starts.size()); }
  Stacks& stacks_of(KeyId key);
  void reserve(Stacks& stacks, size_t front);
  void push_front(Stacks& stacks, const Row& next);
  void push_back(Stacks& stacks, const char* next);
  void drop_front(Stacks& stacks, int64_t before);
  void clear(Stacks& stacks);
  const char* read(const Stacks& stacks);

  const AggregatePlan& plan_;
  size_t stride_;
  std::vector<std::unique_ptr<Stacks>> stacks_;  // by key
  std::unique_ptr<std::byte[]> whole_;
  bool has_whole_ = false;
};

}  // namespace streamutils::window
