// SPDX-License-Identifier: Apache-2.0
#include "lib/window/written_windows.hpp"

#include <algorithm>

namespace streamutils::window {

void WrittenWindows::add(KeyId key, Interval window, std::vector<Gap>& closed) {
  Runs& runs = runs_of(key);
  if (runs.empty()) oldest_.emplace(window.end, key);
  size_t next = runs.size();  // the first run behind the window
  while (next > 0 && runs[next - 1].start > window.start) --next;
  if (next > 0 && window.end <= runs[next - 1].end) return;  // a correction

  Interval joined = window;
  size_t first = next, last = next;  // the runs [first, last) become one with the window
  if (next > 0 && near(runs[next - 1].end, window.start)) {
    first = next - 1;
    joined.start = runs[first].start;
    if (runs[first].end < window.start) closed.push_back({*assigner_.end_after(runs[first].end), window.start, key});
  }
  if (next < runs.size() && near(window.end, runs[next].start)) {
    last = next + 1;
    joined.end = runs[next].end;
    if (window.end < runs[next].start) closed.push_back({*assigner_.end_after(window.end), runs[next].start, key});
  }
  if (first == last) {
    runs.insert(runs.begin() + static_cast<ptrdiff_t>(first), joined);
    return;
  }
  runs[first] = joined;
  runs.erase(runs.begin() + static_cast<ptrdiff_t>(first) + 1, runs.begin() + static_cast<ptrdiff_t>(last));
}

bool WrittenWindows::trim(KeyId key, std::optional<int64_t> start) {
  Runs& runs = runs_[key];
  const auto kept =
      std::find_if(runs.begin(), runs.end(), [&](Interval run) { return start && near(run.end, *start); });
  runs.erase(runs.begin(), kept);
  if (runs.empty()) return false;
  oldest_.emplace(runs.front().end, key);
  return true;
}

void WrittenWindows::save(KeyId key, StateWriter& out) const {
  const size_t count = key < runs_.size() ? runs_[key].size() : 0;
  out.u64(count);
  for (size_t i = 0; i < count; ++i) {
    out.i64(runs_[key][i].start);
    out.i64(runs_[key][i].end);
  }
}

bool WrittenWindows::load(KeyId key, StateReader& in) {
  Runs& runs = runs_of(key);
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const int64_t start = in.i64(), end = in.i64();
    if (start >= end || (!runs.empty() && runs.back().end >= start) || !assigner_.is_end(end)) return false;
    const auto first_end = assigner_.end_after(start);
    if (!first_end || assigner_.start_of(*first_end) != start) return false;
    runs.push_back({start, end});
  }
  if (!runs.empty()) oldest_.emplace(runs.front().end, key);
  return in.ok();
}

}  // namespace streamutils::window
