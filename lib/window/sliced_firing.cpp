// SPDX-License-Identifier: Apache-2.0
// Which sliced windows fire, and what their results are made of.
#include <algorithm>
#include <array>

#include "lib/window/sliced_windows.hpp"

namespace streamutils::window {

namespace {
/// So many keys ahead of their use memory is asked for.
constexpr size_t kAhead = 16;
}  // namespace

void SlicedWindows::fire_pending() {
  std::vector<int64_t> ends;
  while (!due_.empty() && due_.begin()->first <= watermark_.us) {
    ends.push_back(due_.begin()->second);
    due_.erase(due_.begin());
  }
  std::sort(ends.begin(), ends.end());
  for (const int64_t end : ends) {
    firing_.clear();
    Window& window = windows_[end];
    firing_.swap(window.pending);
    for (const KeyId key : firing_) window.keys[key].pending = false;
    keys_.sort(firing_);
    fire(end, firing_, Firing::late);
  }
}

void SlicedWindows::fire_on_time(int64_t after) {
  std::optional<int64_t> next = assigner_.end_after(after);
  while (next && *next <= watermark_.us) {
    // The first slice that a window ending at `next` or later holds; windows without one are skipped, however many.
    const auto slice = slices_.from(assigner_.start_of(*next));
    if (slice == slices_.end()) return;
    const int64_t end = std::max(*next, slice->second.bounds.first_end);
    if (end > watermark_.us) return;
    fire(end, active_.of(assigner_.window(end)), Firing::on_time);
    next = assigner_.end_after(end);
  }
}

void SlicedWindows::fire(int64_t end, std::span<const KeyId> keys, Firing firing) {
  finish();
  if (written_ && firing != Firing::early) {
    for (const KeyId key : keys) ready_.push_back({end, key, firing});
    return;
  }
  const Interval window = assigner_.window(end);
  Window* state = results_of(end);
  // The only firing after which no row changes without a word to merges_.
  if (firing == Firing::on_time && assigner_.overlapping() && !context_.settings.partial) {
    return fire_merged(window, keys, state);
  }
  // Of a key that comes later first the entry is asked for, then what it points to, then what that points to.
  std::array<std::span<const SliceRow>, kAhead> found;  // of the next keys, by place modulo kAhead
  for (size_t i = 0; i < keys.size() + kAhead; ++i) {
    if (i + kAhead < keys.size()) keys_.prefetch(keys[i + kAhead]);
    if (i + kAhead / 2 < keys.size()) prefetch_rows(keys[i + kAhead / 2]);
    if (i < keys.size()) {
      std::span<const SliceRow>& rows = found[i % kAhead];
      rows = rows_of(window, keys[i]);
      if (!rows.empty()) __builtin_prefetch(rows.back().row());
    }
    if (i < kAhead / 2) continue;
    const size_t now = i - kAhead / 2;
    if (now >= keys.size()) break;
    fire_key(window, keys[now], found[now % kAhead], firing, state);
  }
}

void SlicedWindows::fire_merged(Interval window, std::span<const KeyId> keys, Window* state) {
  const auto all_rows = [this](KeyId key) { return std::span<const SliceRow>(keys_[key].data(), keys_[key].size()); };
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i + kAhead < keys.size()) {
      keys_.prefetch(keys[i + kAhead]);
      merges_.prefetch(keys[i + kAhead]);
    }
    if (i + kAhead / 2 < keys.size()) {
      const KeyId key = keys[i + kAhead / 2];
      __builtin_prefetch(keys_.text(key).data());
      merges_.prefetch_sums(key, all_rows(key));
    }
    if (i + kAhead / 4 < keys.size()) merges_.prefetch_next(keys[i + kAhead / 4], all_rows(keys[i + kAhead / 4]));
    const char* row = merges_.merged(keys[i], window, all_rows(keys[i]));
    if (row != nullptr) give(window, keys[i], row, Firing::on_time, state);
  }
}

SlicedWindows::Window* SlicedWindows::results_of(int64_t end) {
  if (keeps_results() && !gone(end)) return &windows_[end];
  const auto it = windows_.find(end);
  return it == windows_.end() ? nullptr : &it->second;
}

void SlicedWindows::prefetch_rows(KeyId key) const {
  __builtin_prefetch(keys_.text(key).data());
  const SliceRows& rows = keys_[key];
  __builtin_prefetch(rows.data());
  __builtin_prefetch(rows.data() + rows.size() / 2);
}

std::span<const SliceRow> SlicedWindows::rows_of(Interval window, KeyId key) {
  const std::span<const SliceRow> rows(keys_[key].data(), keys_[key].size());
  const SliceRow* const first = first_from(rows, window.start);
  return {first, first_from({first, rows.data() + rows.size()}, window.end)};
}

void SlicedWindows::fire_key(Interval window, KeyId key, Firing firing, Window* state) {
  fire_key(window, key, rows_of(window, key), firing, state);
}

void SlicedWindows::fire_key(Interval window, KeyId key, std::span<const SliceRow> rows, Firing firing, Window* state) {
  if (rows.empty()) return;
  if (context_.settings.partial) return fire_delta(window, key, firing, state);
  if (rows.size() == 1) {
    give(window, key, rows.front().row(), firing, state);
    return;
  }
  char* whole = context_.rows.make();
  for (const SliceRow& r : rows) context_.plan.merge(whole, r.row());
  give(window, key, whole, firing, state);
  context_.rows.release(whole);
}

void SlicedWindows::give(Interval window, KeyId key, const char* row, Firing firing, Window* state) {
  const std::string_view text = keys_.text(key);
  if (state == nullptr) {
    context_.results.result(text, window, row, firing, 0);
    return;
  }
  uint32_t& revision = state->keys[key].next_revision;
  if (context_.results.result(text, window, row, firing, revision)) {
    ++revision;
    if (context_.results.selects()) state->standing[key] = {std::string(context_.results.aggregates()), firing};
  } else if (const auto it = state->standing.find(key); it != state->standing.end()) {
    context_.results.withdrawal(text, window, it->second.aggregates, it->second.firing, revision++);
    state->standing.erase(it);
  }
}

void SlicedWindows::fire_early() {
  std::vector<std::pair<int64_t, KeyId>> changed;  // (window end, key)
  for (const auto& [start, key] : touched_) {
    // The row may be gone by now, and its key's number another key's: then that key is listed itself.
    const auto slice = slices_.find(start);
    if (slice == slices_.end()) continue;
    SliceRows& rows = keys_[key];
    const auto row = std::find_if(rows.begin(), rows.end(), [s = start](const SliceRow& r) { return r.start == s; });
    if (row == rows.end() || !row->touched()) continue;
    row->set_touched(false);
    std::optional<int64_t> end = slice->second.bounds.first_end;
    if (fired(*end)) end = assigner_.end_after(watermark_.us);
    for (; end && *end <= slice->second.bounds.last_end; end = assigner_.end_after(*end))
      changed.emplace_back(*end, key);
  }
  touched_.clear();
  std::sort(changed.begin(), changed.end());
  for (size_t i = 0; i < changed.size();) {
    const int64_t end = changed[i].first;
    firing_.clear();
    for (; i < changed.size() && changed[i].first == end; ++i) firing_.push_back(changed[i].second);
    keys_.sort(firing_);
    fire(end, firing_, Firing::early);
  }
}

}  // namespace streamutils::window
