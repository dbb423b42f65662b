// SPDX-License-Identifier: Apache-2.0
#include "tools/swatermark/lateness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace streamutils::swatermark {

namespace {

/// Up to a number that people like, by at most a twentieth.
int64_t round_up(uint64_t us) {
  constexpr uint64_t kGrains[] = {86'400'000'000, 3'600'000'000, 600'000'000, 60'000'000, 10'000'000, 1'000'000,
                                  100'000,        10'000,        1'000,       100,        10,         1};
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  for (const uint64_t grain : kGrains) {
    if (us / grain < 20 && grain > 1) continue;
    const uint64_t over = us % grain;
    const uint64_t up = over == 0 ? us : us - over + grain;
    return static_cast<int64_t>(up < us ? kMost : std::min(up, kMost));  // it may have wrapped around
  }
  return 0;
}

}  // namespace

Lateness::Bound Lateness::bound_for(uint32_t share) const {
  const auto wanted = static_cast<uint64_t>((static_cast<unsigned __int128>(records_) * share + 99'999) / 100'000);
  const uint64_t in_order = records_ - behind_newest_.count();
  Bound bound;
  if (wanted > in_order) bound.bound = Duration{round_up(behind_newest_.value_at(wanted - in_order))};
  bound.behind = behind_newest_.count() - behind_newest_.at_most(static_cast<uint64_t>(bound.bound.us));
  return bound;
}

std::array<std::string, Lateness::kShares.size()> Lateness::suggestions() const {
  std::array<std::string, kShares.size()> lines;
  for (size_t i = 0; i < kShares.size(); ++i) {
    const Bound bound = bound_for(kShares[i]);
    lines[i] = fmt::format("--bounded {:<10} # keeps {:g} %; at most {} of {} records come behind the watermark",
                           format_duration(bound.bound), kShares[i] / 1000.0, bound.behind, records_);
  }
  return lines;
}

}  // namespace streamutils::swatermark
