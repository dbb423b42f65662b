// SPDX-License-Identifier: Apache-2.0
#include "lib/window/sliced_windows.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace streamutils::window {

namespace {
/// So many keys ahead of their use memory is asked for.
constexpr size_t kAhead = 16;
}  // namespace

SlicedWindows::SlicedWindows(SetContext& context)
    : WindowSet(context),
      assigner_(assigner(context.settings)),
      touches_(context.settings.early || context.settings.partial),
      merges_(context.plan) {
  if (context.settings.fill) written_.emplace(assigner_, longest_fill(context.settings));
}

SlicedWindows::~SlicedWindows() {
  keys_.for_each([this](KeyId key) {
    for (const SliceRow& r : keys_[key]) context_.rows.release(r.row());
    context_.open -= static_cast<int64_t>(keys_[key].size());
  });
  context_.keys -= static_cast<int64_t>(keys_.size());
}

void SlicedWindows::set_slice(const SliceBounds& slice) {
  slice_ = slice;
  slice_open_ = !fired(slice.first_end);
}

WindowSet::Added SlicedWindows::add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) {
  if (!slice_.contains(record.time)) {
    SliceBounds slice;
    switch (assigner_.assign(record.time, slice)) {
      case SliceAssigner::Fit::assigned:
        break;
      case SliceAssigner::Fit::unassigned:
        return record.partial && assigner_.meets(record.start, record.time) ? Added::straddles : Added::unassigned;
      case SliceAssigner::Fit::out_of_range:
        return Added::out_of_range;
    }
    set_slice(slice);
  }
  // Every edge of a window is one of a slice.
  if (record.partial && record.start < slice_.start) return Added::straddles;
  if (!slice_open_ && gone(slice_.last_end)) {
    last_window = assigner_.window(slice_.last_end);
    return Added::late;
  }
  if (context_.full() && !keys_.find(record.key)) return Added::too_many_keys;
  const size_t keys_before = keys_.size();
  const KeyId key = keys_.intern(record.key);
  context_.keys += static_cast<int64_t>(keys_.size() - keys_before);

  SliceRow& row = find_row(key, slice_);
  context_.add(row.row(), record, scratch);
  if (touches_ && !row.touched()) touch(row, key);
  if (!slice_open_) {
    merges_.forget(key);
    if (assigner_.overlapping()) joined_.push_back(key);
    if (joined_.size() > active_.size()) {  // begin anew sooner than to keep more of these than of those
      active_window_ = {};
      joined_.clear();
    }
    correct(key, slice_);
  }
  return Added::yes;
}

void SlicedWindows::touch(SliceRow& row, KeyId key) {
  row.set_touched(true);
  if (context_.settings.early) touched_.emplace_back(row.start, key);
}

SlicedWindows::SliceRow& SlicedWindows::find_row(KeyId key, const SliceBounds& slice) {
  Rows& rows = keys_[key];
  size_t i = rows.size();
  while (i > 0 && rows[i - 1].start > slice.start) --i;
  if (i > 0 && rows[i - 1].start == slice.start) return rows[i - 1];
  const auto it = slices_.try_emplace(slice.start).first;
  it->second.bounds = slice;
  it->second.keys.push_back(key);
  ++context_.open;
  return *rows.insert(rows.begin() + i, SliceRow(slice.start, context_.rows.make()));
}

void SlicedWindows::correct(KeyId key, const SliceBounds& slice) {
  // The windows of the slice that have fired and are not gone.
  std::optional<int64_t> end = slice.first_end;
  if (gone(*end)) end = assigner_.end_after(horizon_);
  for (; end && *end <= slice.last_end && fired(*end); end = assigner_.end_after(*end)) {
    Window& window = windows_[*end];
    if (!context_.settings.late_fire && written_) {
      ready_.push_back({*end, key, Firing::late});
      fire_ready();
    } else if (!context_.settings.late_fire) {
      fire_key(assigner_.window(*end), key, Firing::late, &window);
    } else if (Fired& state = window.keys[key]; !state.pending) {
      state.pending = true;
      if (window.pending.empty()) due_.emplace(correction_due(*end), *end);
      window.pending.push_back(key);
    }
  }
}

void SlicedWindows::advance(EventTime watermark) {
  const int64_t before = watermark_.us;
  set_watermark(watermark);
  if (!due_.empty()) fire_pending();
  fire_on_time(before);
  if (written_) fire_ready();
  forget();
  if (written_) forget_written();
  set_slice(slice_);
}

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
    const auto slice = slices_.lower_bound(assigner_.start_of(*next));
    if (slice == slices_.end()) return;
    const int64_t end = std::max(*next, slice->second.bounds.first_end);
    if (end > watermark_.us) return;
    make_active(assigner_.window(end));
    fire(end, active_, Firing::on_time);
    next = assigner_.end_after(end);
  }
}

void SlicedWindows::fire(int64_t end, std::span<const KeyId> keys, Firing firing) {
  if (written_ && firing != Firing::early) {
    for (const KeyId key : keys) ready_.push_back({end, key, firing});
    return;
  }
  const Interval window = assigner_.window(end);
  Window* state = results_of(end);
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

SlicedWindows::Window* SlicedWindows::results_of(int64_t end) {
  if (keeps_results() && !gone(end)) return &windows_[end];
  const auto it = windows_.find(end);
  return it == windows_.end() ? nullptr : &it->second;
}

void SlicedWindows::prefetch_rows(KeyId key) const {
  __builtin_prefetch(keys_.text(key).data());
  const Rows& rows = keys_[key];
  __builtin_prefetch(rows.data());
  __builtin_prefetch(rows.data() + rows.size() / 2);
}

std::span<const SlicedWindows::SliceRow> SlicedWindows::rows_of(Interval window, KeyId key) {
  const Rows& rows = keys_[key];
  const auto before = [](const SliceRow& row, int64_t start) { return row.start < start; };
  const auto first = std::lower_bound(rows.begin(), rows.end(), window.start, before);
  const auto last = std::lower_bound(first, rows.end(), window.end, before);
  return {rows.data() + (first - rows.begin()), rows.data() + (last - rows.begin())};
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
  if (firing == Firing::on_time) {  // the only firing after which no row changes without a word to merges_
    const auto at = [rows](size_t i) { return SlidingMerge::Row{rows[i].start, rows[i].row()}; };
    give(window, key, merges_.merged(key, window, rows.size(), at), firing, state);
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

void SlicedWindows::make_active(Interval window) {
  int64_t from = window.start;  // of the slices whose keys are to be looked at
  const bool follows = active_window_.start <= window.start && window.start < active_window_.end;
  if (!follows) {
    active_.clear();
    joined_.clear();
  } else {
    from = active_window_.end;
    next_mark();
    for (const KeyId key : erased_) marks_[key] = mark_;
    std::erase_if(active_, [&](KeyId key) {
      return marks_[key] == mark_ || keys_[key].empty() || keys_[key].back().start < window.start;
    });
  }
  erased_.clear();
  active_window_ = window;
  firing_.clear();
  next_mark();
  for (const KeyId key : active_) marks_[key] = mark_;
  const auto add = [&](KeyId key) {
    if (std::exchange(marks_[key], mark_) != mark_ && !keys_[key].empty()) firing_.push_back(key);
  };
  for (const KeyId key : joined_) add(key);
  joined_.clear();
  for (auto it = slices_.lower_bound(from); it != slices_.end() && it->first < window.end; ++it) {
    for (const KeyId key : it->second.keys) add(key);
  }
  keys_.sort(firing_);
  if (active_.empty()) {
    active_.swap(firing_);
    return;
  }
  const auto middle = active_.insert(active_.end(), firing_.begin(), firing_.end());
  std::inplace_merge(active_.begin(), middle, active_.end(), [this](KeyId a, KeyId b) { return keys_.less(a, b); });
}

void SlicedWindows::next_mark() {
  marks_.resize(std::max<size_t>(marks_.size(), keys_.bound()));
  if (++mark_ == 0) {
    std::fill(marks_.begin(), marks_.end(), 0);
    mark_ = 1;
  }
}

void SlicedWindows::collect_keys(Interval window, std::vector<KeyId>& keys) {
  next_mark();
  for (auto it = slices_.lower_bound(window.start); it != slices_.end() && it->first < window.end; ++it) {
    for (const KeyId key : it->second.keys) {
      if (std::exchange(marks_[key], mark_) != mark_) keys.push_back(key);
    }
  }
}

void SlicedWindows::fire_early() {
  std::vector<std::pair<int64_t, KeyId>> changed;  // (window end, key)
  for (const auto& [start, key] : touched_) {
    // The row may be gone by now, and its key's number another key's: then that key is listed itself.
    const auto slice = slices_.find(start);
    if (slice == slices_.end()) continue;
    Rows& rows = keys_[key];
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

void SlicedWindows::forget() {
  while (!windows_.empty() && gone(windows_.begin()->first)) windows_.erase(windows_.begin());
  while (!slices_.empty() && gone(slices_.begin()->second.bounds.last_end)) {
    const auto slice = slices_.begin();
    const std::vector<KeyId>& keys = slice->second.keys;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (i + kAhead < keys.size()) keys_.prefetch(keys[i + kAhead]);
      if (i + kAhead / 2 < keys.size()) prefetch_rows(keys[i + kAhead / 2]);
      if (i + kAhead / 4 < keys.size()) __builtin_prefetch(keys_[keys[i + kAhead / 4]][0].row());
      const KeyId key = keys[i];
      Rows& rows = keys_[key];
      const auto row =
          std::find_if(rows.begin(), rows.end(), [&](const SliceRow& r) { return r.start == slice->first; });
      context_.rows.release(row->row());
      rows.erase(row);
      --context_.open;
      if (rows.empty() && !(written_ && written_->holds(key))) {
        keys_.erase(key);
        merges_.erase(key);
        if (assigner_.overlapping()) erased_.push_back(key);
        --context_.keys;
      }
    }
    slices_.erase(slice);
  }
  if (erased_.size() > active_.size()) {
    active_window_ = {};
    erased_.clear();
  }
}

void SlicedWindows::save(StateWriter& out) const {
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
