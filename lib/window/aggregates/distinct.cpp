// SPDX-License-Identifier: Apache-2.0
// distinct(f): how many different values, by their canonical JSON (canonical.hpp). distinct(f, g, …): how many
// different combinations, of records in which all the fields are there and not null (COUNT(DISTINCT a, b) of SQL).
//
// Exact up to kExactValues. Above that HyperLogLog++'s successor for 64-bit hashes (hyperloglog.hpp): 2^14 registers,
// standard error 1.04 / sqrt(2^14) = 0.81 %. What is kept are 64-bit hashes: two of 1,024 values fall on one once in
// 3.5e13 windows.
#include <algorithm>
#include <bit>
#include <vector>

#include "lib/window/aggregates/canonical.hpp"
#include "lib/window/aggregates/hyperloglog.hpp"
#include "lib/window/aggregates/makers.hpp"
#include "lib/window/aggregates/sums.hpp"

namespace streamutils::window {

namespace {

constexpr uint32_t kExactValues = 1024;

/// A set of hashes, then a sketch: 24 bytes, and 8 to 16 KiB beyond.
///
/// Invariant: it is a sketch exactly when more than kExactValues different hashes came, so its form too depends only on
/// the set of values.
class DistinctState {
 public:
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) { return check_canonical(value); }

  DistinctState() = default;
  DistinctState(const DistinctState&) = delete;
  DistinctState& operator=(const DistinctState&) = delete;
  ~DistinctState() {
    delete[] slots_;
    delete sketch_;
  }

  void add(const JsonValue& value, EventTime, expr::Scratch& scratch) {
    add_hash(canonical_hash(canonical_text(value, scratch)));
  }
  struct Prepared {
    uint64_t hash;
  };
  Prepared prepare(const JsonValue& value, expr::Scratch& scratch) const {
    const uint64_t hash = canonical_hash(canonical_text(value, scratch));
    if (sketch_ != nullptr) {
      sketch_->prefetch(hash);
    } else if (capacity_ > 0) {
      __builtin_prefetch(slots_ + home(hash));
    }
    return {hash};
  }
  void add(Prepared prepared) { add_hash(prepared.hash); }
  void add_hash(uint64_t hash) {
    if (hash == kEmpty) hash = 1;
    if (sketch_ != nullptr) return sketch_->add(hash);
    if (capacity_ == 0) reserve(kFirst);
    uint64_t& slot = find(hash);
    if (slot == hash) return;
    if (size_ == kExactValues) {
      make_sketch();
      return sketch_->add(hash);
    }
    ++size_;
    slot = hash;
    if (size_ > capacity_ / 2 && size_ < kExactValues) reserve(capacity_ * 2);
  }

  void merge(const DistinctState& other) {
    if (other.sketch_ != nullptr) {
      if (sketch_ == nullptr) make_sketch();
      sketch_->merge(*other.sketch_);
    } else {
      reserve(other.capacity_);
      for (uint32_t i = 0; i < other.capacity_; ++i) {
        if (other.slots_[i] != kEmpty) add_hash(other.slots_[i]);
      }
    }
  }

  [[nodiscard]] uint64_t count() const { return sketch_ != nullptr ? sketch_->estimate() : size_; }
  [[nodiscard]] size_t extra_bytes() const {
    return sketch_ != nullptr ? sizeof(HyperLogLog) : capacity_ * sizeof(uint64_t);
  }

  // Saved: 0 and the sorted hashes, or 1 and the registers.
  void save(StateWriter& out) const {
    out.u8(sketch_ != nullptr ? 1 : 0);
    if (sketch_ != nullptr) {
      out.raw(sketch_->bytes().data(), sketch_->bytes().size());
      return;
    }
    std::vector<uint64_t> hashes;
    hashes.reserve(size_);
    std::copy_if(slots_, slots_ + capacity_, std::back_inserter(hashes), [](uint64_t h) { return h != kEmpty; });
    std::sort(hashes.begin(), hashes.end());
    out.u32(size_);
    for (const uint64_t hash : hashes) out.u64(hash);
  }

  bool load(StateReader& in) {
    const uint8_t form = in.u8();
    if (form == 1) {
      const std::string_view registers = in.raw(HyperLogLog::kRegisters);
      make_sketch();
      return sketch_->set_bytes(registers);
    }
    const uint32_t size = in.u32();
    if (!in.ok() || form != 0 || size > kExactValues) return false;
    if (size > 0) reserve(std::max(kFirst, std::bit_ceil(size * 2)));
    uint64_t last = kEmpty;
    for (uint32_t i = 0; i < size; ++i) {
      const uint64_t hash = in.u64();
      if (hash <= last) return false;
      add_hash(hash);
      last = hash;
    }
    return true;
  }

 private:
  static constexpr uint64_t kEmpty = 0;  // a value that hashes to it counts as the one that hashes to 1

  static constexpr uint32_t kFirst = 4;

  /// The highest bits: the slots are nearly in order of the hashes, so that growing reads and writes in order. Adding
  /// in order to fewer slots would pile up, so whoever does reserves before.
  [[nodiscard]] uint32_t home(uint64_t hash) const {
    return static_cast<uint32_t>(hash >> 32) >> (32 - std::countr_zero(capacity_));
  }
  /// Where `hash` is or would be. REQUIRES: a free slot.
  [[nodiscard]] uint64_t& find(uint64_t hash) const {
    uint32_t at = home(hash);
    while (slots_[at] != kEmpty && slots_[at] != hash) at = (at + 1) & (capacity_ - 1);
    return slots_[at];
  }

  void reserve(uint32_t capacity) {
    if (capacity <= capacity_) return;
    uint64_t* const old = slots_;
    const uint32_t old_capacity = capacity_;
    capacity_ = capacity;
    slots_ = new uint64_t[capacity_]();
    for (uint32_t i = 0; i < old_capacity; ++i) {
      if (old[i] != kEmpty) find(old[i]) = old[i];
    }
    delete[] old;
  }

  void make_sketch() {
    sketch_ = new HyperLogLog();
    for (uint32_t i = 0; i < capacity_; ++i) {
      if (slots_[i] != kEmpty) sketch_->add(slots_[i]);
    }
    delete[] slots_;
    slots_ = nullptr;
    capacity_ = size_ = 0;
  }

  uint64_t* slots_ = nullptr;  // open addressing, at most half full; capacity_ is a power of two from 4 on, or 0
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  HyperLogLog* sketch_ = nullptr;
};

/// Of a combination what is hashed are the canonical texts joined by ',', as in a key.
class CombinationAccumulator final : public StateAccumulator<DistinctState> {
 public:
  explicit CombinationAccumulator(size_t fields) : fields_(fields) {}

  [[nodiscard]] std::string_view check(const JsonValue* values) const override {
    for (size_t i = 0; i < fields_; ++i) {
      const std::string_view reason = check_canonical(values[i]);
      if (!reason.empty()) return reason;
    }
    return {};
  }
  void add(char* state, const JsonValue* values, EventTime, expr::Scratch& scratch) const override {
    std::string& text = scratch.next();
    for (size_t i = 0; i < fields_; ++i) {
      if (i > 0) text += ',';
      text += canonical_text(values[i], scratch);
    }
    at(state).add_hash(canonical_hash(text));
  }

 private:
  size_t fields_;
};

}  // namespace

Result<Aggregate> make_distinct(const expr::AggregateItem& call) {
  if (call.fields.empty() || !call.arguments.empty()) {
    return usage_error("distinct() takes one field or several, as in distinct(user_id) or distinct(user_id, page)");
  }
  Aggregate distinct = make_aggregate<DistinctState>(
      "distinct", [](std::string& out, const DistinctState& state) { append_integer(out, state.count()); });
  if (call.fields.size() > 1) distinct.accumulator = std::make_unique<CombinationAccumulator>(call.fields.size());
  return distinct;
}

}  // namespace streamutils::window
