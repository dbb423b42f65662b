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
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/window/key_index.hpp"
#include "lib/window/text_pool.hpp"

namespace streamutils::window {

using KeyId = uint32_t;

/// One seed per process.
inline uint64_t key_hash_seed() {
  static const uint64_t seed = (uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  return seed;
}

/// Memory per key, beside the text's bytes: 16 bytes and the payload, 11 to 21 of the index, and up to 7 of rounding.
template <class Payload>
class KeyTable {
 public:
  KeyTable() = default;
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;
  ~KeyTable() {
    for_each([this](KeyId id) { texts_.release(at(id).text, at(id).size); });
  }

  static uint32_t hash_of(std::string_view text) {
    return static_cast<uint32_t>(XXH3_64bits_withSeed(text.data(), text.size(), key_hash_seed()));
  }
  [[nodiscard]] std::optional<KeyId> find(std::string_view text) const {
    const KeyId id = find(text, hash_of(text));
    return id == KeyIndex::kNone ? std::nullopt : std::optional<KeyId>(id);
  }
  /// Soon the key with this hash is looked for.
  void prefetch_hash(uint32_t hash) const { index_.prefetch(hash); }
  /// An id with this hash, probably the key's that has it; empty when there is none.
  [[nodiscard]] std::optional<KeyId> guess(uint32_t hash) const {
    const KeyId id = index_.find(hash, [](KeyId) { return true; });
    return id == KeyIndex::kNone ? std::nullopt : std::optional<KeyId>(id);
  }
  /// The key's id; makes the key, with an empty payload, when it is not there.
  KeyId intern(std::string_view text) { return intern(text, hash_of(text)); }
  /// REQUIRES: `hash` is hash_of(text).
  KeyId intern(std::string_view text, uint32_t hash) {
    if (const KeyId id = find(text, hash); id != KeyIndex::kNone) return id;
    KeyId id;
    if (free_.empty()) {
      id = bound_++;
      if (id % kChunk == 0) chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    } else {
      id = free_.back();
      free_.pop_back();
    }
    Entry& entry = at(id);
    entry.text = texts_.copy(text);
    entry.size = static_cast<uint32_t>(text.size());
    entry.hash = hash;
    index_.insert(hash, id);
    return id;
  }
  void erase(KeyId id) {
    Entry& entry = at(id);
    index_.erase(entry.hash, id);
    texts_.release(entry.text, entry.size);
    entry = Entry();
    free_.push_back(id);
  }
  [[nodiscard]] size_t size() const { return index_.size(); }
  /// Ids are below this.
  [[nodiscard]] KeyId bound() const { return bound_; }

  /// The payload of an erased id is empty. The reference stays good until its id is erased.
  Payload& operator[](KeyId id) { return at(id).payload; }
  const Payload& operator[](KeyId id) const { return at(id).payload; }
  [[nodiscard]] std::string_view text(KeyId id) const { return {at(id).text, at(id).size}; }
  /// Order of key bytes.
  [[nodiscard]] bool less(KeyId a, KeyId b) const { return text(a) < text(b); }
  /// Soon text() and operator[] of this id will be called.
  void prefetch(KeyId id) const { __builtin_prefetch(&at(id)); }

  /// Calls `use(id)` for every key in order of ids.
  template <class Use>
  void for_each(Use use) const {
    for (KeyId id = 0; id < bound(); ++id) {
      if (at(id).text) use(id);
    }
  }

  /// Sorts by key bytes and removes doubles.
  void sort(std::vector<KeyId>& ids) {
    if (ids.size() < 2) return;
    // Most comparisons are decided by the eight bytes behind what all keys begin with, which stand in one array.
    const std::string_view first = text(ids.front());
    size_t common = first.size();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i + kAhead < ids.size()) prefetch(ids[i + kAhead]);
      const std::string_view other = text(ids[i]);
      common = std::min(common, other.size());
      if (std::string_view::traits_type::compare(first.data(), other.data(), common) == 0) continue;
      common = static_cast<size_t>(std::mismatch(first.begin(), first.begin() + common, other.begin()).first -
                                   first.begin());
    }
    std::vector<Sortable> sorting;
    sorting.reserve(ids.size());
    for (const KeyId id : ids) sorting.push_back({head(text(id).substr(common)), id});
    std::sort(sorting.begin(), sorting.end(), [this](const Sortable a, const Sortable b) {
      return a.head != b.head ? a.head < b.head : less(a.id, b.id);
    });
    ids.clear();
    for (const Sortable key : sorting) {
      if (ids.empty() || ids.back() != key.id) ids.push_back(key.id);
    }
  }

 private:
  static constexpr size_t kChunk = 256, kAhead = 8;
  struct Entry {
    char* text = nullptr;  // null: the id is free
    uint32_t size = 0, hash = 0;
    Payload payload;
  };
  struct __attribute__((packed)) Sortable {
    uint64_t head;
    KeyId id;
  };

  [[nodiscard]] KeyId find(std::string_view text, uint32_t hash) const {
    return index_.find(hash, [&](KeyId id) { return same_bytes(this->text(id), text); });
  }
  Entry& at(KeyId id) { return chunks_[id / kChunk][id % kChunk]; }
  const Entry& at(KeyId id) const { return chunks_[id / kChunk][id % kChunk]; }

  /// The first eight bytes as a number that compares as they do.
  static uint64_t head(std::string_view text) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; ++i) value = value << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
    return value;
  }

  std::vector<std::unique_ptr<Entry[]>> chunks_;
  KeyId bound_ = 0;
  std::vector<KeyId> free_;
  TextPool texts_;
  KeyIndex index_;
};

}  // namespace streamutils::window
