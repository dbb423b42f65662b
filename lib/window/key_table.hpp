// SPDX-License-Identifier: Apache-2.0
// The keys of one set of windows: canonical text to a small number, and what the set keeps for each key.
//
// Thread rule: one thread.
// Invariants:
//  1. A KeyId is valid from intern() to erase(); afterwards the number may be given to another key.
//  2. Nothing that leaves the process depends on KeyIds or on the hash's seed, which differs from run to run: hostile
//     keys cannot be chosen to collide.
#pragma once
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace streamutils::window {

using KeyId = uint32_t;

/// One seed per process.
inline uint64_t key_hash_seed() {
  static const uint64_t seed = (uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  return seed;
}

template <class Payload>
class KeyTable {
 public:
  KeyTable() : ids_(0, Hash{&entries_, key_hash_seed()}, Equal{&entries_}) {}
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  [[nodiscard]] std::optional<KeyId> find(std::string_view text) const {
    const auto it = ids_.find(text);
    return it == ids_.end() ? std::nullopt : std::optional<KeyId>(*it);
  }
  /// The key's id; makes the key, with an empty payload, when it is not there.
  KeyId intern(std::string_view text) {
    if (const auto it = ids_.find(text); it != ids_.end()) return *it;
    KeyId id;
    if (free_.empty()) {
      id = static_cast<KeyId>(entries_.size());
      entries_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
    }
    Entry& entry = entries_[id];
    entry.text.assign(text);
    entry.hash = ids_.hash_function()(text);
    entry.live = true;
    ids_.insert(id);
    return id;
  }
  void erase(KeyId id) {
    ids_.erase(id);
    entries_[id] = Entry();
    free_.push_back(id);
  }
  [[nodiscard]] size_t size() const { return ids_.size(); }
  /// Ids are below this.
  [[nodiscard]] KeyId bound() const { return static_cast<KeyId>(entries_.size()); }

  /// The payload of an erased id is empty.
  Payload& operator[](KeyId id) { return entries_[id].payload; }
  const Payload& operator[](KeyId id) const { return entries_[id].payload; }
  [[nodiscard]] std::string_view text(KeyId id) const { return entries_[id].text; }
  /// Order of key bytes.
  [[nodiscard]] bool less(KeyId a, KeyId b) const { return entries_[a].text < entries_[b].text; }

  /// Calls `use(id)` for every key in order of ids.
  template <class Use>
  void for_each(Use use) const {
    for (KeyId id = 0; id < bound(); ++id) {
      if (entries_[id].live) use(id);
    }
  }

  /// Sorts by key bytes and removes doubles.
  void sort(std::vector<KeyId>& ids) {
    if (ids.size() < 2) return;
    // Most comparisons are decided by the eight bytes behind what all keys begin with, which stand in one array.
    const std::string_view first = text(ids.front());
    size_t common = first.size();
    for (const KeyId id : ids) {
      const std::string_view other = text(id);
      common = std::min(common, other.size());
      if (std::string_view::traits_type::compare(first.data(), other.data(), common) == 0) continue;
      common = static_cast<size_t>(std::mismatch(first.begin(), first.begin() + common, other.begin()).first -
                                   first.begin());
    }
    sorting_.clear();
    for (const KeyId id : ids) sorting_.emplace_back(head(text(id).substr(common)), id);
    std::sort(sorting_.begin(), sorting_.end(), [this](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : less(a.second, b.second);
    });
    ids.clear();
    for (const auto& [_, id] : sorting_) {
      if (ids.empty() || ids.back() != id) ids.push_back(id);
    }
  }

 private:
  struct Entry {
    std::string text;
    uint64_t hash = 0;
    bool live = false;
    Payload payload;
  };
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    const std::vector<Entry>* entries;
    uint64_t seed;
    size_t operator()(KeyId id) const { return (*entries)[id].hash; }
    size_t operator()(std::string_view text) const { return XXH3_64bits_withSeed(text.data(), text.size(), seed); }
  };
  struct Equal {
    using is_transparent = void;
    const std::vector<Entry>* entries;
    bool operator()(KeyId a, KeyId b) const { return a == b; }
    bool operator()(KeyId a, std::string_view b) const { return (*entries)[a].text == b; }
    bool operator()(std::string_view a, KeyId b) const { return (*entries)[b].text == a; }
  };

  /// The first eight bytes as a number that compares as they do.
  static uint64_t head(std::string_view text) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; ++i) value = value << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
    return value;
  }

  std::vector<Entry> entries_;
  std::vector<KeyId> free_;
  boost::unordered_flat_set<KeyId, Hash, Equal> ids_;
  std::vector<std::pair<uint64_t, KeyId>> sorting_;
};

}  // namespace streamutils::window
