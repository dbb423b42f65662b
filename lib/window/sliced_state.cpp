// SPDX-License-Identifier: Apache-2.0
// Sliced windows as a checkpoint holds them.
#include <algorithm>

#include "lib/window/sliced_windows.hpp"

namespace streamutils::window {

void SlicedWindows::save(StateWriter& out) const {
  finish();
  save_times(out);
  std::vector<uint64_t> number(keys_.bound());  // of each key, in the order they are written
  uint64_t count = 0;
  out.u64(keys_.size());
  keys_.for_each([&](KeyId key) {
    number[key] = count++;
    out.text(keys_.text(key));
    out.u64(keys_[key].size());
    for (const SliceRow& r : keys_[key]) {
      out.i64(r.start);
      out.u8(r.touched());
      context_.plan.save(r.row(), out);
    }
    if (written_) written_->save(key, out);
  });
  out.u64(windows_.size());
  for (const auto& [end, window] : windows_) {
    out.i64(end);
    out.u64(window.keys.size());
    for (const auto& [key, state] : window.keys) {
      out.u64(number[key]);
      out.u32(state.next_revision);
      out.u8(state.pending);
    }
    if (!context_.results.selects()) continue;
    out.u64(window.standing.size());
    for (const auto& [key, standing] : window.standing) {
      out.u64(number[key]);
      standing.save(out);
    }
  }
  out.u64(due_.size());
  for (const auto& [when, end] : due_) {
    out.i64(when);
    out.i64(end);
  }
}

bool SlicedWindows::load(StateReader& in) {
  load_times(in);
  std::vector<KeyId> ids;
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const KeyId key = keys_.intern(in.text());
    if (keys_.size() == ids.size()) return false;  // twice
    ids.push_back(key);
    ++context_.keys;
    uint64_t rows = in.u64();
    if (rows == 0 && !written_) return false;
    for (; rows > 0 && in.ok(); --rows) {
      SliceBounds slice;
      const int64_t start = in.i64();
      if (!keys_[key].empty() && keys_[key].back().start >= start) return false;
      if (assigner_.assign(start, slice) != SliceAssigner::Fit::assigned || slice.start != start) return false;
      const bool touched = in.u8() != 0;
      SliceRow& row = find_row(key, slice);
      if (touched) touch(row, key);
      if (!context_.plan.load(row.row(), in)) return false;
    }
    if (!written_) continue;
    if (!written_->load(key, in) || (keys_[key].empty() && !written_->holds(key))) return false;
  }
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const int64_t end = in.i64();
    if (!assigner_.is_end(end)) return false;
    Window& window = windows_[end];
    for (uint64_t keys = in.u64(); keys > 0 && in.ok(); --keys) {
      const uint64_t number = in.u64();
      if (number >= ids.size()) return false;
      Fired& state = window.keys[ids[number]];
      state.next_revision = in.u32();
      state.pending = in.u8() != 0;
      if (state.pending) window.pending.push_back(ids[number]);
    }
    if (!context_.results.selects()) continue;
    for (uint64_t standing = in.u64(); standing > 0 && in.ok(); --standing) {
      const uint64_t number = in.u64();
      if (number >= ids.size() || !window.standing[ids[number]].load(in)) return false;
    }
  }
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const int64_t when = in.i64();
    const int64_t end = in.i64();
    if (!windows_.contains(end)) return false;
    due_.emplace(std::min(when, gone_at(end)), end);  // the allowed lateness may be smaller than before
  }
  return in.ok();
}

}  // namespace streamutils::window
