// SPDX-License-Identifier: Apache-2.0
// Additions of which only an operand is left, to be made later, perhaps by other threads: a part of all rows each.
//
// Invariant: to one state operands are added in the order in which they came.
// Thread rule: one thread, but for what Workers do. What is not finished must not be read.
#pragma once
#include <span>
#include <vector>

#include "lib/stream/workers.hpp"
#include "lib/window/aggregates/accumulator.hpp"

namespace streamutils::window {

class DeferredAdditions final : public Workers::Job {
 public:
  /// `places`: the accumulators that take operands, with where their states are in a row. Both outlive this.
  struct Place {
    const Accumulator* accumulator = nullptr;
    size_t offset = 0;
  };
  DeferredAdditions(Workers& workers, std::vector<Place> places);
  ~DeferredAdditions() override { workers_.finish(); }
  DeferredAdditions(const DeferredAdditions&) = delete;
  DeferredAdditions& operator=(const DeferredAdditions&) = delete;

  /// An operand for the accumulator of places[place] in this row.
  void add(size_t place, char* row, uint64_t operand) {
    // Rows that lie side by side share cache lines, so they are in one share.
    constexpr int kNeighbours = 9;
    const uint64_t block = reinterpret_cast<uintptr_t>(row) >> kNeighbours;
    const auto mixed = static_cast<uint32_t>(block * 0x9e3779b97f4a7c15 >> 32);
    filling_[(uint64_t{mixed} * shares_ >> 32) * places_.size() + place].push_back(
        {row + places_[place].offset, operand});
    ++count_;
  }
  /// Others may begin with what has come, once there is enough of it.
  void offer() {
    if (count_ >= kEnough) start();
  }
  /// Returns when all has been added.
  void finish();

  void run(size_t share) override;

 private:
  static constexpr size_t kEnough = 4096;        // a millisecond, while handing over takes one or two microseconds
  static constexpr size_t kSharesPerThread = 4;  // hardly ever are they equally large

  void start();

  Workers& workers_;
  const std::vector<Place> places_;
  const size_t shares_;
  using Lists = std::vector<std::vector<Operation>>;  // by share, then place
  Lists filling_, running_;
  size_t count_ = 0;  // in filling_
};

}  // namespace streamutils::window
