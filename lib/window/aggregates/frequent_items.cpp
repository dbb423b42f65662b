// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/frequent_items.hpp"

#include <algorithm>

#include "lib/json/record_parser.hpp"
#include "lib/window/aggregates/canonical.hpp"

namespace streamutils::window {

namespace {

constexpr size_t kWithoutIndex = 8;  // hashes that are looked through one by one

size_t own_bytes(const std::string& value) { return value.capacity() > 15 ? value.capacity() + 1 : 0; }

}  // namespace

void FrequentItems::add(std::string_view value, uint64_t hash, uint64_t count) {
  const uint32_t at = find(value, hash);
  if (at != kNone) {
    items_[at].count += count;
    return;
  }
  // The last doubling would be for one entry more than is exact.
  if (items_.size() == items_.capacity() && items_.size() == kKept) items_.reserve(kExactValues + 1);
  items_.push_back({std::string(value), hash, count});
  text_bytes_ += own_bytes(items_.back().value);
  if (items_.size() > kWithoutIndex) index(static_cast<uint32_t>(items_.size() - 1));
}

uint32_t FrequentItems::find(std::string_view value, uint64_t hash) const {
  const auto is_it = [&](const Item& item) { return item.hash == hash && item.value == value; };
  if (slot_count_ == 0) {
    const auto found = std::find_if(items_.begin(), items_.end(), is_it);
    return found == items_.end() ? kNone : static_cast<uint32_t>(found - items_.begin());
  }
  uint32_t at = static_cast<uint32_t>(hash) & (slot_count_ - 1);
  while (slots_[at] != kNone && !is_it(items_[slots_[at]])) at = (at + 1) & (slot_count_ - 1);
  return slots_[at];
}

/// Adds items_[item], which is the last, to the index.
void FrequentItems::index(uint32_t item) {
  if (items_.size() > slot_count_ / 2) return rebuild_index();
  uint32_t at = static_cast<uint32_t>(items_[item].hash) & (slot_count_ - 1);
  while (slots_[at] != kNone) at = (at + 1) & (slot_count_ - 1);
  slots_[at] = item;
}

void FrequentItems::rebuild_index() {
  slots_.reset();
  slot_count_ = 0;
  if (items_.size() <= kWithoutIndex) return;
  slot_count_ = 32;
  while (slot_count_ / 2 < items_.size()) slot_count_ *= 2;
  slots_ = std::make_unique<uint32_t[]>(slot_count_);
  std::fill_n(slots_.get(), slot_count_, kNone);
  for (uint32_t i = 0; i < items_.size(); ++i) index(i);
}

/// Takes the (kKept + 1)-th largest count from all. At least so many items lose all of it, which bounds the error.
void FrequentItems::prune() {
  std::vector<uint64_t> counts;
  counts.reserve(items_.size());
  for (const Item& item : items_) counts.push_back(item.count);
  std::nth_element(counts.begin(), counts.begin() + kKept, counts.end(), std::greater<>());
  const uint64_t taken = counts[kKept];
  std::erase_if(items_, [&](const Item& item) { return item.count <= taken; });
  text_bytes_ = 0;
  for (Item& item : items_) {
    item.count -= taken;
    text_bytes_ += own_bytes(item.value);
  }
  error_ += taken;
  rebuild_index();
}

void FrequentItems::merge(const FrequentItems& other) {
  for (const Item& item : other.items_) add(item.value, item.hash, item.count);
  error_ += other.error_;
  if (items_.size() > kExactValues) prune();
}

size_t FrequentItems::extra_bytes() const {
  return items_.capacity() * sizeof(Item) + slot_count_ * sizeof(uint32_t) + text_bytes_;
}

void FrequentItems::save(StateWriter& out) const {
  std::vector<const Item*> sorted;
  sorted.reserve(items_.size());
  for (const Item& item : items_) sorted.push_back(&item);
  std::sort(sorted.begin(), sorted.end(), [](const Item* a, const Item* b) { return a->value < b->value; });
  out.u64(error_);
  out.u32(static_cast<uint32_t>(sorted.size()));
  for (const Item* item : sorted) {
    out.text(item->value);
    out.u64(item->count);
  }
}

bool FrequentItems::load(StateReader& in) {
  error_ = in.u64();
  const uint32_t size = in.u32();
  if (!in.ok() || size > kExactValues) return false;
  std::string_view last;
  for (uint32_t i = 0; i < size; ++i) {
    const std::string_view value = in.text();
    const uint64_t count = in.u64();
    if (!in.ok() || count == 0 || value <= last || !is_json_value(value)) return false;
    add(value, canonical_hash(value), count);
    last = value;
  }
  return true;
}

}  // namespace streamutils::window
