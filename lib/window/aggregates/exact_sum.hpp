// SPDX-License-Identifier: Apache-2.0
// An exact sum of decimals, and how many there were.
//
// Nearly all sums stay in 128 bits at one common scale (digits after the point): adding is an integer addition. What
// does not fit is moved into a Decimal, after which the 128 bits start over; the value is always the sum of both parts.
// Invariant: the value depends only on the terms, never on their order or on merges.
#pragma once
#include <cstdint>
#include <string>

#include "lib/json/decimal.hpp"
#include "lib/stream/state.hpp"
#include "lib/window/aggregates/number.hpp"

namespace streamutils::window {

class ExactSum {
 public:
  static constexpr int kMaxScale = 2 * ShortNumber::kDigits;

  ExactSum() = default;
  ExactSum(const ExactSum&) = delete;
  ExactSum& operator=(const ExactSum&) = delete;
  ~ExactSum() { delete big_; }

  /// Adds coefficient * 10^-scale. REQUIRES: 0 <= scale <= kMaxScale, |coefficient| <= 10^36.
  void add(Wide coefficient, int scale) {
    ++count_;
    Wide sum = 0;
    if (scale == static_cast<int>(scale_) && !__builtin_add_overflow(small(), coefficient, &sum)) {
      set_small(sum);
    } else {
      add_slow(coefficient, scale);
    }
  }
  void add(const Decimal& term) {
    ++count_;
    add_big(term);
  }
  void merge(const ExactSum& other);

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] Decimal value() const;
  [[nodiscard]] size_t extra_bytes() const;
  void save(StateWriter& out) const;
  bool load(StateReader& in);

 private:
  // Two words, since __int128 would ask for 16-aligned rows.
  [[nodiscard]] Wide small() const { return static_cast<Wide>((static_cast<UnsignedWide>(high_) << 64) | low_); }
  void set_small(Wide value) {
    low_ = static_cast<uint64_t>(value);
    high_ = static_cast<uint64_t>(static_cast<UnsignedWide>(value) >> 64);
  }
  void add_slow(Wide coefficient, int scale);
  void add_big(const Decimal& term);
  void spill();

  uint64_t low_ = 0;
  uint64_t high_ = 0;
  uint64_t count_ : 56 = 0;
  uint64_t scale_ : 8 = 0;
  Decimal* big_ = nullptr;  // null while nothing was spilled
};

/// The saved form of a Decimal that arithmetic may have taken out of Decimal::parse's range.
void save_decimal(const Decimal& value, StateWriter& out);
bool load_decimal(StateReader& in, Decimal& value);

}  // namespace streamutils::window
