// SPDX-License-Identifier: Apache-2.0
#include "lib/window/count_windows.hpp"

#include <algorithm>

namespace streamutils::window {

CountWindows::~CountWindows() { forget_all(); }

void CountWindows::forget_all() {
  std::vector<KeyId> all;
  keys_.for_each([&all](KeyId key) { all.push_back(key); });
  for (const KeyId key : all) {
    if (keys_[key].row != nullptr) {
      context_.rows.release(keys_[key].row);
      --context_.open;
    }
    keys_.erase(key);
    --context_.keys;
  }
}

WindowSet::Added CountWindows::add(const KeyedRecord& record, expr::Scratch& scratch, Interval&) {
  if (record.time == kNever) return Added::out_of_range;  // the window's end is one more
  if (context_.full() && !keys_.find(record.key)) return Added::too_many_keys;
  const size_t keys_before = keys_.size();
  const KeyId key = keys_.intern(record.key);
  context_.keys += static_cast<int64_t>(keys_.size() - keys_before);

  Counted& window = keys_[key];
  if (window.row == nullptr) {
    window.row = context_.rows.make();
    ++context_.open;
    window.first = window.last = record.time;
  }
  window.first = std::min(window.first, record.time);
  window.last = std::max(window.last, record.time);
  context_.plan.add(window.row, record.values, EventTime{record.time}, scratch);
  if (++window.records == size_) fire(key);
  return Added::yes;
}

void CountWindows::fire(KeyId key) {
  Counted& window = keys_[key];
  context_.results.result(keys_.text(key), window.bounds(), window.row, Firing::on_time, 0, window.number);
  context_.rows.release(window.row);
  --context_.open;
  window.row = nullptr;
  window.records = 0;
  ++window.number;
}

std::vector<KeyId> CountWindows::open_keys() const {
  std::vector<KeyId> open;
  keys_.for_each([&](KeyId key) {
    if (keys_[key].row != nullptr) open.push_back(key);
  });
  std::sort(open.begin(), open.end(), [this](KeyId a, KeyId b) {
    return keys_[a].last != keys_[b].last ? keys_[a].last < keys_[b].last : keys_.less(a, b);
  });
  return open;
}

void CountWindows::advance(EventTime watermark) {
  set_watermark(watermark);
  if (watermark != kAfterAll) return;
  for (const KeyId key : open_keys()) fire(key);
  forget_all();
}

void CountWindows::save(StateWriter& out) const {
  save_times(out);
  out.u64(keys_.size());
  keys_.for_each([&](KeyId key) {
    const Counted& window = keys_[key];
    out.text(keys_.text(key));
    out.u64(window.number);
    out.u64(window.records);
    if (window.records == 0) return;
    out.i64(window.first);
    out.i64(window.last);
    context_.plan.save(window.row, out);
  });
}

bool CountWindows::load(StateReader& in) {
  load_times(in);
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const std::string_view text = in.text();
    if (keys_.find(text)) return false;  // twice
    Counted& window = keys_[keys_.intern(text)];
    ++context_.keys;
    window.number = in.u64();
    const uint64_t records = in.u64();
    if (records >= size_) return false;
    if (records == 0) continue;
    window.first = in.i64();
    window.last = in.i64();
    if (window.first > window.last || window.last == kNever) return false;
    window.records = records;
    window.row = context_.rows.make();
    ++context_.open;
    if (!context_.plan.load(window.row, in)) return false;
  }
  return in.ok();
}

}  // namespace streamutils::window
