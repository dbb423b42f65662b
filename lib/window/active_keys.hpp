// SPDX-License-Identifier: Apache-2.0
// The keys of the window that fires, sorted. Of windows that overlap the next one has most of those that the last one
// had, so they are kept. Thread rule: one thread.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "lib/window/interval.hpp"
#include "lib/window/slices.hpp"

namespace streamutils::window {

class ActiveKeys {
 public:
  /// Both outlive this.
  ActiveKeys(SliceKeys& keys, Slices& slices) : keys_(keys), slices_(slices) {}

  /// The keys with a record in the window, and perhaps some with later ones only, in order of key bytes. The view lives
  /// until the next call.
  std::span<const KeyId> of(Interval window);
  /// A row was added to a slice of the window that of() was last asked for, or to one before it.
  void joined(KeyId key);
  /// The key is gone: its number may become another's.
  void erased(KeyId key) { erased_.push_back(key); }
  /// Call it when all keys of some slices were erased().
  void trim();

  /// Every key with a record in the window, once.
  void collect(Interval window, std::vector<KeyId>& keys);

 private:
  void begin_marks();
  /// True when it was not marked since begin_marks().
  bool mark(KeyId key) { return std::exchange(marks_[key], mark_) != mark_; }

  SliceKeys& keys_;
  Slices& slices_;
  std::vector<KeyId> active_;  // of window_, sorted
  Interval window_;
  std::vector<KeyId> erased_, joined_;  // since then
  std::vector<KeyId> fresh_;
  std::vector<uint32_t> marks_;  // by key
  uint32_t mark_ = 0;
};

}  // namespace streamutils::window
