// SPDX-License-Identifier: Apache-2.0
// From a hash to a small number: an open table of eight bytes a slot with linear probing, which the standard's and
// Boost's sets cannot be: they would ask for the hash of a number, which is a cache miss, when they grow or erase.
#pragma once
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace streamutils::window {

class KeyIndex {
 public:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  [[nodiscard]] size_t size() const { return size_; }

  /// The id of this hash for which `equal(id)`; kNone.
  template <class Equal>
  [[nodiscard]] uint32_t find(uint32_t hash, Equal equal) const {
    if (slots_.empty()) return kNone;
    for (size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Slot& slot = slots_[i];
      if (slot.id == kNone) return kNone;
      if (slot.hash == hash && equal(slot.id)) return slot.id;
    }
  }
  /// Soon find() is called for this hash.
  void prefetch(uint32_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask()]);
  }
  /// REQUIRES: it is not there.
  void insert(uint32_t hash, uint32_t id) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    put(slots_, hash, id);
    ++size_;
  }
  /// REQUIRES: it is there.
  void erase(uint32_t hash, uint32_t id) {
    size_t hole = hash & mask();
    while (slots_[hole].id != id) hole = (hole + 1) & mask();
    // What was pushed on by the one that goes comes back.
    for (size_t i = (hole + 1) & mask(); slots_[i].id != kNone; i = (i + 1) & mask()) {
      const size_t home = slots_[i].hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole].id = kNone;
    --size_;
  }

 private:
  struct Slot {
    uint32_t hash = 0, id = kNone;
  };
  [[nodiscard]] size_t mask() const { return slots_.size() - 1; }
  static void put(std::vector<Slot>& slots, uint32_t hash, uint32_t id) {
    const size_t mask = slots.size() - 1;
    size_t i = hash & mask;
    while (slots[i].id != kNone) i = (i + 1) & mask;
    slots[i] = {hash, id};
  }
  void grow() {
    std::vector<Slot> larger(slots_.empty() ? 16 : slots_.size() * 2);
    for (const Slot& slot : slots_) {
      if (slot.id != kNone) put(larger, slot.hash, slot.id);
    }
    slots_.swap(larger);
  }

  std::vector<Slot> slots_;  // a power of two of them
  size_t size_ = 0;
};

}  // namespace streamutils::window
