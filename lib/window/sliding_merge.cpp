// SPDX-License-Identifier: Apache-2.0
#include "lib/window/sliding_merge.hpp"

#include <algorithm>
#include <limits>

namespace streamutils::window {

SlidingMerge::~SlidingMerge() {
  for (auto& stacks : stacks_) {
    if (stacks) clear(*stacks);
  }
  if (has_whole_) plan_.destroy(reinterpret_cast<char*>(whole_.get()));
}

SlidingMerge::Stacks& SlidingMerge::stacks_of(KeyId key) {
  if (key >= stacks_.size()) stacks_.resize(std::max<size_t>(size_t{key} + 1, stacks_.size() * 2));
  if (!stacks_[key]) stacks_[key] = std::make_unique<Stacks>();
  return *stacks_[key];
}

/// REQUIRES: the stacks are empty.
void SlidingMerge::reserve(Stacks& stacks, size_t front) {
  if (stacks.capacity >= front + 1) return;
  stacks.capacity = std::max(front + 1, stacks.capacity + stacks.capacity / 2);
  stacks.rows = std::make_unique_for_overwrite<std::byte[]>(stacks.capacity * stride_);
  stacks.starts.reserve(stacks.capacity);
}

void SlidingMerge::push_front(Stacks& stacks, const Row& next) {
  char* sum = row(stacks, stacks.starts.size() + 1);
  plan_.init(sum);
  plan_.merge(sum, next.row);
  if (!stacks.starts.empty()) plan_.merge(sum, last_front(stacks));
  stacks.starts.push_back(next.start);
}

void SlidingMerge::push_back(Stacks& stacks, const char* next) {
  if (!stacks.has_back) plan_.init(row(stacks, 0));
  stacks.has_back = true;
  plan_.merge(row(stacks, 0), next);
}

void SlidingMerge::drop_front(Stacks& stacks, int64_t before) {
  while (!stacks.starts.empty() && stacks.starts.back() < before) {
    plan_.destroy(last_front(stacks));
    stacks.starts.pop_back();
  }
}

void SlidingMerge::clear(Stacks& stacks) {
  drop_front(stacks, std::numeric_limits<int64_t>::max());
  if (stacks.has_back) plan_.destroy(row(stacks, 0));
  stacks.has_back = stacks.valid = false;
}

void SlidingMerge::forget(KeyId key) {
  if (key < stacks_.size() && stacks_[key]) clear(*stacks_[key]);
}

void SlidingMerge::erase(KeyId key) {
  forget(key);
  if (key < stacks_.size()) stacks_[key].reset();
}

const char* SlidingMerge::read(const Stacks& stacks) {
  if (stacks.starts.empty()) return row(stacks, 0);
  if (!stacks.has_back) return last_front(stacks);
  char* whole = reinterpret_cast<char*>(whole_.get());
  if (has_whole_) plan_.destroy(whole);
  if (!whole_) {
    whole_ = std::make_unique_for_overwrite<std::byte[]>(stride_);
    whole = reinterpret_cast<char*>(whole_.get());
  }
  has_whole_ = true;
  plan_.init(whole);
  plan_.merge(whole, last_front(stacks));
  plan_.merge(whole, row(stacks, 0));
  return whole;
}

}  // namespace streamutils::window
