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
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lib/window/aggregates/plan.hpp"
#include "lib/window/interval.hpp"
#include "lib/window/slices.hpp"

namespace streamutils::window {

class SlidingMerge {
 public:
  explicit SlidingMerge(const AggregatePlan& plan)
      : plan_(plan), stride_((plan.row_bytes() + kAlign - 1) / kAlign * kAlign + sizeof(int64_t)) {}
  ~SlidingMerge();
  SlidingMerge(const SlidingMerge&) = delete;
  SlidingMerge& operator=(const SlidingMerge&) = delete;

  /// Those of `rows`, which are all of the key's, that are in the window, merged; null when none is. It lives until the
  /// next call. Cheap when a key's windows come in order of time.
  const char* merged(KeyId key, Interval window, std::span<const SliceRow> rows);
  /// A row that a window may have held was changed.
  void forget(KeyId key);
  void erase(KeyId key);

  /// Soon merged() is called for this key; sooner; then with these rows.
  void prefetch(KeyId key) const {
    if (key < stacks_.size()) __builtin_prefetch(stacks_[key].get());
  }
  void prefetch_sums(KeyId key, std::span<const SliceRow> rows) const {
    if (key >= stacks_.size() || !stacks_[key]) return;
    const Stacks& stacks = *stacks_[key];
    __builtin_prefetch(stacks.sums.get());
    __builtin_prefetch(sum(stacks, stacks.front));
    __builtin_prefetch(rows.data() + std::min<size_t>(stacks.next, rows.size()));
  }
  void prefetch_next(KeyId key, std::span<const SliceRow> rows) {
    if (key >= stacks_.size() || !stacks_[key]) return;
    Stacks& stacks = *stacks_[key];
    find_next(stacks, rows);
    if (stacks.next < rows.size()) __builtin_prefetch(rows[stacks.next].row());
  }

 private:
  static constexpr size_t kAlign = 8;
  struct Stacks {
    bool valid = false, has_back = false;
    uint32_t next = 0;                         // how many rows began before `reached` when it was found
    uint32_t front = 0, capacity = 0;          // sums: the back's, then so many of the front, the earliest last
    int64_t from = 0, pivot = 0, reached = 0;  // starts of slices: front is of [from, pivot), back of [pivot, reached)
    std::unique_ptr<std::byte[]> sums;         // rows, side by side; behind each of the front the start of its slice
  };

  char* sum(const Stacks& stacks, size_t i) const { return reinterpret_cast<char*>(stacks.sums.get()) + i * stride_; }
  int64_t& start_of(char* sum) const { return *reinterpret_cast<int64_t*>(sum + stride_ - sizeof(int64_t)); }
  Stacks& stacks_of(KeyId key);
  /// Some rows may have gone at the front, and others come.
  static void find_next(Stacks& stacks, std::span<const SliceRow> rows) {
    size_t next = std::min<size_t>(stacks.next, rows.size());
    while (next > 0 && rows[next - 1].start >= stacks.reached) --next;
    while (next < rows.size() && rows[next].start < stacks.reached) ++next;
    stacks.next = static_cast<uint32_t>(next);
  }
  void begin(Stacks& stacks, std::span<const SliceRow> rows);
  void push_front(Stacks& stacks, const SliceRow& next);
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
