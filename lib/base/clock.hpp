// SPDX-License-Identifier: Apache-2.0
// The only place that knows what time it is. Operators get a Clock; tests give them a FakeClock.
#pragma once
#include <cstdint>

#include "lib/base/time.hpp"

namespace streamutils {

/// Wall-clock time, microseconds since the Unix epoch. May jump, also backwards.
struct WallTime {
  int64_t us = 0;
  auto operator<=>(const WallTime&) const = default;
};
/// Monotonic time in microseconds from an arbitrary start; for timeouts and pace. Never goes back.
struct MonoTime {
  int64_t us = 0;
  auto operator<=>(const MonoTime&) const = default;
};
constexpr MonoTime operator+(MonoTime t, Duration d) { return MonoTime{t.us + d.us}; }
constexpr Duration operator-(MonoTime a, MonoTime b) { return Duration{a.us - b.us}; }

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;
  [[nodiscard]] virtual MonoTime mono() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] MonoTime mono() const override;
};

/// A clock that moves only when told. Its wall clock may be set back; its monotonic one may not.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return wall_; }
  [[nodiscard]] MonoTime mono() const override { return mono_; }
  void advance(Duration d) {
    wall_.us += d.us;
    mono_.us += d.us;
  }
  void set_wall(WallTime t) { wall_ = t; }

 private:
  WallTime wall_;
  MonoTime mono_;
};

}  // namespace streamutils
