// SPDX-License-Identifier: Apache-2.0
// --fill: which tumbling windows of each key were written, so that those without records between two of them can be.
//
// What is kept of a key are its runs: windows that follow one another without a gap, all of them written. When a window
// is written that is near enough to a run, the windows between them are the gap that it closes, and all become one
// run. Runs of one key are therefore further apart than the longest gap that is filled.
// Thread rule: one thread. Complexity: a window costs a step through the key's runs from the last, of which there are
// no more than the allowed lateness has longest gaps, and one.
#pragma once
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "lib/base/time.hpp"
#include "lib/stream/state.hpp"
#include "lib/window/assigner.hpp"
#include "lib/window/key_table.hpp"

namespace streamutils::window {

/// Windows without records, one after the other.
struct Gap {
  int64_t end = 0;   ///< of the first
  int64_t last = 0;  ///< end of the last
  KeyId key = 0;
};

class WrittenWindows {
 public:
  /// `assigner` outlives this. REQUIRES: its windows are tumbling.
  WrittenWindows(const SliceAssigner& assigner, Duration longest_gap) : assigner_(assigner), longest_(longest_gap.us) {}

  /// Takes down that the window of the key is written, and appends the gaps that it closes: one before it and one
  /// behind it at most.
  void add(KeyId key, Interval window, std::vector<Gap>& closed);
  /// Is anything remembered of the key?
  [[nodiscard]] bool holds(KeyId key) const { return key < runs_.size() && !runs_[key].empty(); }

  /// Forgets what no window that begins at `start` or later is near enough to; all, when there will be no window. Calls
  /// `forgotten(key)` for each key of which nothing is left.
  template <class Use>
  void forget(std::optional<int64_t> start, Use forgotten) {
    while (!oldest_.empty() && !(start && near(oldest_.top().first, *start))) {
      const KeyId key = oldest_.top().second;
      oldest_.pop();
      if (!trim(key, start)) forgotten(key);
    }
  }

  void save(KeyId key, StateWriter& out) const;
  /// For a key of which nothing is remembered. False when the bytes are none that save() wrote.
  bool load(KeyId key, StateReader& in);

 private:
  using Runs = boost::container::small_vector<Interval, 1>;  // of one key, in order of time
  /// Is the gap between these times one to fill?
  [[nodiscard]] bool near(int64_t from, int64_t to) const {
    int64_t length = 0;
    if (to <= from) return true;
    return !__builtin_sub_overflow(to, from, &length) && length <= longest_;
  }
  Runs& runs_of(KeyId key) {
    if (key >= runs_.size()) runs_.resize(size_t{key} + 1);
    return runs_[key];
  }
  bool trim(KeyId key, std::optional<int64_t> start);

  using Oldest = std::pair<int64_t, KeyId>;  // not above the end of the key's last run
  const SliceAssigner& assigner_;
  int64_t longest_;
  std::vector<Runs> runs_;                                                   // by key
  std::priority_queue<Oldest, std::vector<Oldest>, std::greater<>> oldest_;  // one for each key that is held
};

}  // namespace streamutils::window
