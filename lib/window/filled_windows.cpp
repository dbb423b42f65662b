// SPDX-License-Identifier: Apache-2.0
// --fill in tumbling windows: a window without records has a result too when there are windows with records of its key
// before and behind it. That is known when the later of those is written first, on time or late; so a gap's results are
// written with that one, on time and with revision 0, all in order of end, then key bytes. A record that comes late
// into a filled window corrects it.
//
// A gap is not held as windows: the next to be written of each is in a heap, and what is written leaves in batches.
#include <queue>

#include "lib/window/sliced_windows.hpp"

namespace streamutils::window {

void SlicedWindows::fire_ready() {
  if (!ready_.empty()) finish();
  std::vector<Gap> gaps;
  for (const Ready& r : ready_) written_->add(r.key, assigner_.window(r.end), gaps);
  // The gap whose next window is the first to be written on top.
  const auto later = [this](const Gap& a, const Gap& b) {
    return a.end != b.end ? a.end > b.end : keys_.less(b.key, a.key);
  };
  std::priority_queue<Gap, std::vector<Gap>, decltype(later)> open(later, std::move(gaps));
  const auto fill_before = [&](int64_t end, const KeyId* key) {
    while (!open.empty()) {
      Gap gap = open.top();
      if (gap.end > end || (gap.end == end && (key == nullptr || !keys_.less(gap.key, *key)))) return;
      open.pop();
      fill(assigner_.window(gap.end), gap.key);
      if (gap.end == gap.last) continue;
      gap.end = *assigner_.end_after(gap.end);
      open.push(gap);
    }
  };
  for (const Ready& r : ready_) {
    fill_before(r.end, &r.key);
    fire_key(assigner_.window(r.end), r.key, r.firing, results_of(r.end));
  }
  fill_before(kNever, nullptr);
  ready_.clear();
}

void SlicedWindows::fill(Interval window, KeyId key) {
  // A gap may hold windows with late records, which are written for themselves: in this call, or when they are due.
  if (!rows_of(window, key).empty()) return;
  if (!context_.results.filled(keys_.text(key), window)) return;
  Window* state = results_of(window.end);
  if (state == nullptr) return;
  ++state->keys[key].next_revision;
  if (context_.results.selects()) {
    state->standing[key] = {std::string(context_.results.aggregates()), Firing::on_time};
  }
}

void SlicedWindows::forget_written() {
  const auto end = assigner_.end_after(horizon_);
  written_->forget(end ? std::optional(assigner_.start_of(*end)) : std::nullopt, [this](KeyId key) {
    if (!keys_[key].empty()) return;
    keys_.erase(key);
    --context_.keys;
  });
}

}  // namespace streamutils::window
