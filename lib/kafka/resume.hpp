// SPDX-License-Identifier: Apache-2.0
// Where a checkpoint lets each partition go on, and what to say when its log does not allow that. Private to lib/kafka.
//
// Thread rule: values.
#pragma once
#include <vector>

#include "lib/checkpoint/source_member.hpp"
#include "lib/kafka/range.hpp"

namespace streamutils::kafka {

inline constexpr int64_t kNoStart = -1;  ///< what `open` says of a partition with a bad start

/// True when `point` has a position or an end (with `fixed`) behind the end of its log. Worth another look at the log:
/// a run that has just ended may have read further, and a broker that has just started may not know its log's end yet.
bool lies_beyond(const std::vector<PartitionRange>& ranges, const checkpoint::ResumePoint& point, bool fixed);

/// Sets where each of `ranges`, which are resolved, starts: at its position, or at the log's beginning when the
/// checkpoint does not know the partition. A negative position (kNoStart) is that of a first start that could not be:
/// the range's own start holds. With `fixed` it ends where it ended at the first start, as far as that is known.
/// REQUIRES: !point.first. On failure: a usage error that names the partition, what the log has, how many records that
/// concerns, and the ways out: a position outside the log, a partition that is not read any more.
Status resume_ranges(std::vector<PartitionRange>& ranges, const checkpoint::ResumePoint& point, bool fixed);

}  // namespace streamutils::kafka
