// SPDX-License-Identifier: Apache-2.0
#include "lib/window/sliding_merge.hpp"

#include <algorithm>
#include <limits>

namespace streamutils::window {

namespace {
/// So many rows ahead of their use memory is asked for.
constexpr size_t kAhead = 8;
}  // namespace

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

const char* SlidingMerge::merged(KeyId key, Interval window, std::span<const SliceRow> rows) {
  Stacks* stacks = key < stacks_.size() ? stacks_[key].get() : nullptr;
  if (!stacks || !stacks->valid || window.end < stacks->reached || window.start >= stacks->pivot ||
      window.start < stacks->from) {
    const SliceRow* const first = first_from(rows, window.start);
    const SliceRow* const last = first_from({first, rows.data() + rows.size()}, window.end);
    if (first == last) return nullptr;
    if (last - first == 1) return first->row();
    stacks = &stacks_of(key);
    begin(*stacks, {first, last});
    stacks->pivot = window.end;
    stacks->next = static_cast<uint32_t>(last - rows.data());
  } else {
    find_next(*stacks, rows);
    for (; stacks->next < rows.size() && rows[stacks->next].start < window.end; ++stacks->next) {
      push_back(*stacks, rows[stacks->next].row());
    }
    drop_front(*stacks, window.start);
  }
  stacks->from = window.start;
  stacks->reached = window.end;
  return read(*stacks);
}

/// Makes all of the rows the front.
void SlidingMerge::begin(Stacks& stacks, std::span<const SliceRow> rows) {
  clear(stacks);
  if (stacks.capacity < rows.size() + 1) {
    stacks.capacity = static_cast<uint32_t>(std::max<size_t>(rows.size() + 1, stacks.capacity + stacks.capacity / 2));
    stacks.sums = std::make_unique_for_overwrite<std::byte[]>(stacks.capacity * stride_);
  }
  for (size_t i = rows.size(); i-- > 0;) {
    if (i >= kAhead) __builtin_prefetch(rows[i - kAhead].row());
    push_front(stacks, rows[i]);
  }
  stacks.valid = true;
}

void SlidingMerge::push_front(Stacks& stacks, const SliceRow& next) {
  char* const made = sum(stacks, stacks.front + 1);
  plan_.init(made);
  plan_.merge(made, next.row());
  if (stacks.front > 0) plan_.merge(made, sum(stacks, stacks.front));
  start_of(made) = next.start;
  ++stacks.front;
}

void SlidingMerge::push_back(Stacks& stacks, const char* next) {
  if (!stacks.has_back) plan_.init(sum(stacks, 0));
  stacks.has_back = true;
  plan_.merge(sum(stacks, 0), next);
}

void SlidingMerge::drop_front(Stacks& stacks, int64_t before) {
  while (stacks.front > 0 && start_of(sum(stacks, stacks.front)) < before) {
    plan_.destroy(sum(stacks, stacks.front));
    --stacks.front;
  }
}

void SlidingMerge::clear(Stacks& stacks) {
  drop_front(stacks, std::numeric_limits<int64_t>::max());
  if (stacks.has_back) plan_.destroy(sum(stacks, 0));
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
  if (stacks.front == 0) return stacks.has_back ? sum(stacks, 0) : nullptr;
  if (!stacks.has_back) return sum(stacks, stacks.front);
  char* whole = reinterpret_cast<char*>(whole_.get());
  if (has_whole_) plan_.destroy(whole);
  if (!whole_) {
    whole_ = std::make_unique_for_overwrite<std::byte[]>(stride_);
    whole = reinterpret_cast<char*>(whole_.get());
  }
  has_whole_ = true;
  plan_.init(whole);
  plan_.merge(whole, sum(stacks, stacks.front));
  plan_.merge(whole, sum(stacks, 0));
  return whole;
}

}  // namespace streamutils::window
