// SPDX-License-Identifier: Apache-2.0
#include "lib/window/sliced_windows.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace streamutils::window {

namespace {
/// So many keys ahead of their use memory is asked for.
constexpr size_t kAhead = 16;
/// So many, with their keys, are in the nearer caches anyway.
constexpr int64_t kFewRows = 8192;
}  // namespace

SlicedWindows::SlicedWindows(SetContext& context)
    : WindowSet(context),
      assigner_(assigner(context.settings)),
      touches_(context.settings.early || context.settings.partial),
      merges_(context.plan) {
  if (context.settings.fill) written_.emplace(assigner_, longest_fill(context.settings));
}

SlicedWindows::~SlicedWindows() {
  finish();
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

void SlicedWindows::expect(std::span<KeyedRecord> records) {
  for (KeyedRecord& record : records) record.hash = SliceKeys::hash_of(record.key);
  if (context_.open < kFewRows) return;
  // Of each first the place in the index, then the key, then the last of its rows, then that of its time: when the last
  // record has asked, what the first asked for is there.
  for (const KeyedRecord& record : records) keys_.prefetch_hash(*record.hash);
  expected_.clear();
  for (const KeyedRecord& record : records) {
    const std::optional<KeyId> key = keys_.guess(*record.hash);
    if (!key) continue;
    keys_.prefetch(*key);
    expected_.push_back({*key, record.time});
  }
  for (const Expected& next : expected_) {
    __builtin_prefetch(keys_.text(next.key).data());
    const SliceRows& rows = keys_[next.key];
    if (rows.size() > 1) __builtin_prefetch(&rows.back());
  }
  if (!assigner_.overlapping()) return;
  const auto rows_of = [&](const Expected& next) {
    return std::span<const SliceRow>(keys_[next.key].data(), keys_[next.key].size());
  };
  for (const Expected& next : expected_) {
    const auto rows = rows_of(next);
    if (rows.size() > 1) __builtin_prefetch(&rows[guess_place(rows, next.time)]);
  }
}

void SlicedWindows::settle(expr::Scratch& scratch) {
  if (additions_.empty()) return;
  context_.plan.add(additions_, scratch, deferred_.get());
  additions_.clear();
  if (deferred_) deferred_->offer();
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
  const KeyId key = keys_.intern(record.key, record.hash ? *record.hash : SliceKeys::hash_of(record.key));
  context_.keys += static_cast<int64_t>(keys_.size() - keys_before);

  SliceRow& row = find_row(key, slice_);
  if (slice_open_ && record.hash) {
    additions_.push_back({row.row(), record.values.data(), EventTime{record.time}});
  } else {
    if (!slice_open_) settle(scratch);  // it is fired again with what is before it
    finish();
    context_.add(row.row(), record, scratch);
  }
  if (touches_ && !row.touched()) touch(row, key);
  if (!slice_open_) {
    merges_.forget(key);
    if (assigner_.overlapping()) active_.joined(key);
    correct(key, slice_);
  }
  return Added::yes;
}

void SlicedWindows::touch(SliceRow& row, KeyId key) {
  row.set_touched(true);
  if (context_.settings.early) touched_.emplace_back(row.start, key);
}

SliceRow& SlicedWindows::find_row(KeyId key, const SliceBounds& slice) {
  SliceRows& rows = keys_[key];
  size_t i = 0;
  if (!rows.empty()) {
    if (rows.back().start == slice.start) return rows.back();
    const std::span<const SliceRow> all(rows.data(), rows.size());
    i = static_cast<size_t>(first_from(all, slice.start, guess_place(all, slice.start)) - all.data());
    if (i < rows.size() && rows[i].start == slice.start) return rows[i];
  }
  slices_.at(slice).keys.push_back(key);
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

void SlicedWindows::count_density() {
  if (slices_.empty() || context_.keys == 0) return;
  const double us = static_cast<double>(slices_.last()) - static_cast<double>(slices_.begin()->first) + 1;
  rows_per_us_ = static_cast<double>(context_.open) / static_cast<double>(context_.keys) / us;
}

void SlicedWindows::advance(EventTime watermark) {
  if (!deferred_) deferred_ = context_.plan.defer(context_.workers);
  const int64_t before = watermark_.us;
  set_watermark(watermark);
  if (!due_.empty()) fire_pending();
  fire_on_time(before);
  if (written_) fire_ready();
  forget();
  if (written_) forget_written();
  set_slice(slice_);
  count_density();
}

void SlicedWindows::forget() {
  while (!windows_.empty() && gone(windows_.begin()->first)) windows_.erase(windows_.begin());
  while (!slices_.empty() && gone(slices_.begin()->second.bounds.last_end)) {
    finish();
    const auto slice = slices_.begin();
    const std::vector<KeyId>& keys = slice->second.keys;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (i + kAhead < keys.size()) keys_.prefetch(keys[i + kAhead]);
      if (i + kAhead / 2 < keys.size()) prefetch_rows(keys[i + kAhead / 2]);
      if (i + kAhead / 4 < keys.size()) __builtin_prefetch(keys_[keys[i + kAhead / 4]][0].row());
      const KeyId key = keys[i];
      SliceRows& rows = keys_[key];
      const auto row =
          std::find_if(rows.begin(), rows.end(), [&](const SliceRow& r) { return r.start == slice->first; });
      context_.rows.release(row->row());
      rows.erase(row);
      --context_.open;
      if (rows.empty() && !(written_ && written_->holds(key))) {
        keys_.erase(key);
        merges_.erase(key);
        if (assigner_.overlapping()) active_.erased(key);
        --context_.keys;
      }
    }
    slices_.erase(slice);
  }
  active_.trim();
}

}  // namespace streamutils::window
