// SPDX-License-Identifier: Apache-2.0
// The state of count() and count(f): one word. The plan increments that of count() without a virtual call.
#pragma once
#include "lib/window/aggregates/accumulator.hpp"

namespace streamutils::window {

struct CountState {
  static constexpr bool kChecks = false;
  static std::string_view check(const JsonValue&) { return {}; }

  void add(const JsonValue&, EventTime, expr::Scratch&) { ++n; }
  void merge(const CountState& other) { n += other.n; }
  [[nodiscard]] size_t extra_bytes() const { return 0; }
  void save(StateWriter& out) const { out.u64(n); }
  bool load(StateReader& in) {
    n = in.u64();
    return true;
  }

  uint64_t n = 0;
};

}  // namespace streamutils::window
