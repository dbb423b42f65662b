// SPDX-License-Identifier: Apache-2.0
// The frequent ones of any number of values, with counts: exact while there are few different ones, then the summary of
// Misra and Gries ("Finding repeated elements", 1982) in the form that takes from all counts at once (Anderson et al.,
// "A high-performance algorithm for identifying frequent items in data streams", 2017: Apache DataSketches), which
// merges (Agarwal et al., "Mergeable summaries", 2012).
//
// Invariants, of n values added in all:
//  1. Up to kExactValues different values: all counts are exact and the state is a function of the multiset of values.
//     That it is exact depends only on the set of values.
//  2. Above: the true count of a value is in [count, count + error()], where count is 0 for one that is not kept, and
//     error() <= n / (kKept + 1): below 0.05 % of the values. Whatever the order of adding and merging was; but the
//     state, and so the counts within that bound, do depend on it. No summary that keeps values in bounded memory does
//     without: what an order-free one forgets (a sample by hash) does not know what is frequent.
//  3. One input under one plan always gives one state: no addresses, hashes or clocks decide.
// Memory: up to kExactValues entries of 48 bytes (twice as many behind a merge), 8 to 16 bytes of index for each, and
// what values have beyond 15 bytes. Complexity: add O(1) amortized, merge O(entries).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/stream/state.hpp"

namespace streamutils::window {

class FrequentItems {
 public:
  static constexpr size_t kExactValues = 4096;
  static constexpr size_t kKept = kExactValues / 2;

  struct Item {
    std::string value;  ///< canonical JSON
    uint64_t hash = 0;
    uint64_t count = 0;
  };

  /// `value` is canonical JSON, `hash` its canonical_hash().
  void add(std::string_view value, uint64_t hash) {
    add(value, hash, 1);
    if (items_.size() > kExactValues) prune();
  }
  void merge(const FrequentItems& other);

  /// In no order.
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }
  [[nodiscard]] uint64_t error() const { return error_; }
  [[nodiscard]] size_t extra_bytes() const;
  // Saved: u64 error | u32 number of items, and for each in order of the text's bytes: text | u64 count
  void save(StateWriter& out) const;
  /// REQUIRES: fresh.
  bool load(StateReader& in);

 private:
  void add(std::string_view value, uint64_t hash, uint64_t count);
  [[nodiscard]] uint32_t find(std::string_view value, uint64_t hash) const;
  void index(uint32_t item);
  void rebuild_index();
  void prune();

  static constexpr uint32_t kNone = ~uint32_t{0};
  std::vector<Item> items_;
  std::unique_ptr<uint32_t[]> slots_;  // open addressing, at most half full; none for a few items
  uint32_t slot_count_ = 0;            // a power of two or 0
  uint64_t error_ = 0;
  size_t text_bytes_ = 0;  // of values that have memory of their own
};

}  // namespace streamutils::window
