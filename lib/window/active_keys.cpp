// SPDX-License-Identifier: Apache-2.0
#include "lib/window/active_keys.hpp"

#include <algorithm>
#include <utility>

namespace streamutils::window {

std::span<const KeyId> ActiveKeys::of(Interval window) {
  int64_t from = window.start;  // of the slices whose keys are to be looked at
  const bool follows = window_.start <= window.start && window.start < window_.end;
  if (!follows) {
    active_.clear();
    joined_.clear();
  } else {
    from = window_.end;
    begin_marks();
    for (const KeyId key : erased_) mark(key);
    std::erase_if(active_, [&](KeyId key) {
      return marks_[key] == mark_ || keys_[key].empty() || keys_[key].back().start < window.start;
    });
  }
  erased_.clear();
  window_ = window;
  fresh_.clear();
  begin_marks();
  for (const KeyId key : active_) mark(key);
  const auto add = [&](KeyId key) {
    if (mark(key) && !keys_[key].empty()) fresh_.push_back(key);
  };
  for (const KeyId key : joined_) add(key);
  joined_.clear();
  for (auto it = slices_.from(from); it != slices_.end() && it->first < window.end; ++it) {
    for (const KeyId key : it->second.keys) add(key);
  }
  keys_.sort(fresh_);
  if (active_.empty()) {
    active_.swap(fresh_);
    return active_;
  }
  const auto middle = active_.insert(active_.end(), fresh_.begin(), fresh_.end());
  std::inplace_merge(active_.begin(), middle, active_.end(), [this](KeyId a, KeyId b) { return keys_.less(a, b); });
  return active_;
}

void ActiveKeys::joined(KeyId key) {
  joined_.push_back(key);
  if (joined_.size() <= active_.size()) return;
  window_ = {};  // to begin anew is cheaper than to keep more of these than of those
  joined_.clear();
}

void ActiveKeys::trim() {
  if (erased_.size() <= active_.size()) return;
  window_ = {};
  erased_.clear();
}

void ActiveKeys::collect(Interval window, std::vector<KeyId>& keys) {
  begin_marks();
  for (auto it = slices_.from(window.start); it != slices_.end() && it->first < window.end; ++it) {
    for (const KeyId key : it->second.keys) {
      if (mark(key)) keys.push_back(key);
    }
  }
}

void ActiveKeys::begin_marks() {
  marks_.resize(std::max<size_t>(marks_.size(), keys_.bound()));
  if (++mark_ == 0) {
    std::fill(marks_.begin(), marks_.end(), 0);
    mark_ = 1;
  }
}

}  // namespace streamutils::window
