// SPDX-License-Identifier: Apache-2.0
// HyperLogLog of 2^14 registers over 64-bit hashes: the number of different hashes with a standard error of 1.04 /
// sqrt(2^14) = 0.81 %, unbiased over the whole range (Ertl, "New cardinality estimation algorithms for HyperLogLog
// sketches", 2017, the improved raw estimator; no tables, no switch between regimes).
//
// Invariant: the registers are a function of the set of hashes; neither order nor merging matters.
// Memory: 16 KiB.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace streamutils::window {

class HyperLogLog {
 public:
  static constexpr int kPrecision = 14;
  static constexpr size_t kRegisters = size_t{1} << kPrecision;
  static constexpr int kMaxRank = 64 - kPrecision + 1;

  void add(uint64_t hash);
  /// Soon add() is called for this hash.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&registers_[hash >> (64 - kPrecision)]); }
  void merge(const HyperLogLog& other);
  [[nodiscard]] uint64_t estimate() const;

  [[nodiscard]] std::string_view bytes() const {
    return {reinterpret_cast<const char*>(registers_.data()), registers_.size()};
  }
  /// False when `bytes` are not registers.
  bool set_bytes(std::string_view bytes);

 private:
  std::array<uint8_t, kRegisters> registers_{};
};

}  // namespace streamutils::window
