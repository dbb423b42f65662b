// SPDX-License-Identifier: Apache-2.0
// How far records come behind those before them, and which bound would have kept how many of them.
//
// Invariants:
//  1. A record that is d behind the newest record of its unit is not behind the watermark of any bound >= d: that
//     watermark is at most the newest time less the bound, whatever the step. So bounds follow from d alone, and not
//     from the bound of this run.
//  2. bound_for(q) keeps at least the share q of the records counted here; it is too wide by less than 6 %.
// The figures are those of one run of the program: they are not part of a checkpoint.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "lib/base/log_histogram.hpp"
#include "lib/base/time.hpp"

namespace streamutils::swatermark {

class Lateness {
 public:
  /// `n` more records had a time.
  void count(uint64_t n) { records_ += n; }
  /// One of them is so far behind the newest one before it in its unit, more than nothing.
  void behind_newest(uint64_t us) { behind_newest_.add(us); }
  /// And so far behind its unit's watermark, more than nothing.
  void behind_watermark(uint64_t us) { behind_watermark_.add(us); }

  [[nodiscard]] uint64_t records() const { return records_; }
  [[nodiscard]] uint64_t late() const { return behind_watermark_.count(); }
  [[nodiscard]] const LogHistogram& of_newest() const { return behind_newest_; }
  [[nodiscard]] const LogHistogram& of_watermark() const { return behind_watermark_; }

  struct Bound {
    Duration bound;
    uint64_t behind = 0;  ///< at most so many of the records would have come behind the watermark
  };
  /// In thousandths of a percent: 99'900 is 99.9 %. REQUIRES: at most 100'000.
  [[nodiscard]] Bound bound_for(uint32_t share) const;

  /// The shares that people are shown.
  static constexpr std::array<uint32_t, 5> kShares{50'000, 90'000, 99'000, 99'900, 100'000};
  /// "--bounded 12s  # keeps 99.9 %; at most 3 of 5000 records come behind the watermark", a line for each of kShares.
  [[nodiscard]] std::array<std::string, kShares.size()> suggestions() const;

 private:
  uint64_t records_ = 0;
  LogHistogram behind_newest_, behind_watermark_;
};

}  // namespace streamutils::swatermark
