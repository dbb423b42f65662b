// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/resume.hpp"

#include <algorithm>
#include <set>

namespace streamutils::kafka {
namespace {

using Ranges = std::vector<PartitionRange>;
using Offsets = std::map<std::string, int64_t, std::less<>>;

std::optional<int64_t> find(const Offsets& offsets, std::string_view unit) {
  const auto found = offsets.find(unit);
  return found == offsets.end() ? std::nullopt : std::optional(found->second);
}

/// What lies behind the end of the unit's log: where to go on, or where to end.
struct Beyond {
  int64_t offset;
  std::string_view purpose;
};

std::optional<Beyond> beyond(const PartitionRange& r, const checkpoint::ResumePoint& point, bool fixed) {
  const std::string unit = unit_name(r);
  const auto position = find(point.positions, unit);
  if (position && *position > r.high) return Beyond{*position, "go on at"};
  const auto end = fixed ? find(point.ends, unit) : std::nullopt;
  if (end && *end > r.high) return Beyond{*end, "be read to"};
  return std::nullopt;
}

uint64_t distance(int64_t low, int64_t high) { return static_cast<uint64_t>(high) - static_cast<uint64_t>(low); }

std::string and_more(size_t others) {
  return others == 0 ? "" : fmt::format(" (and {} more partition{} likewise)", others, others == 1 ? "" : "s");
}

Status expired(const PartitionRange& r, int64_t position, size_t others) {
  return usage_error(
      "'{}' is to go on at offset {}, but its log holds {} to {}: up to {} records were deleted before they were "
      "read{}; start over without the checkpoint (the last program's --fresh; -o then says from where), or from one "
      "whose offsets the log still holds (its --from-epoch N; 'sstate ls' shows them); a longer retention.ms prevents "
      "this",
      unit_name(r), position, r.low, r.high, distance(position, r.low), and_more(others));
}

Status cut_off(const PartitionRange& r, const Beyond& wanted, size_t others) {
  return usage_error(
      "'{}' is to {} offset {}, but its log holds {} to {}: the last {} offsets are not there any more{}, so the "
      "topic was made anew or cut; start over without the checkpoint (the last program's --fresh), or from one whose "
      "offsets the log holds (its --from-epoch N; 'sstate ls' shows them)",
      unit_name(r), wanted.purpose, wanted.offset, r.low, r.high, distance(r.high, wanted.offset), and_more(others));
}

Status not_read(std::string_view unit, int64_t position, size_t others) {
  return usage_error(
      "the checkpoint has '{}' at offset {}, which is not read now{}: the topics or -p have changed, or the topic was "
      "made anew with fewer partitions; read it as before, or start over without the checkpoint (the last program's "
      "--fresh)",
      unit, position, and_more(others));
}

Status check_all_read(const Ranges& ranges, const checkpoint::ResumePoint& point) {
  std::set<std::string, std::less<>> read;
  for (const PartitionRange& r : ranges) read.insert(unit_name(r));
  const auto lacks = [&](const auto& position) { return !read.contains(position.first); };
  const auto lost = std::ranges::find_if(point.positions, lacks);
  if (lost == point.positions.end()) return {};
  const auto count = static_cast<size_t>(std::ranges::count_if(point.positions, lacks));
  return not_read(lost->first, lost->second, count - 1);
}

}  // namespace

bool lies_beyond(const Ranges& ranges, const checkpoint::ResumePoint& point, bool fixed) {
  return std::ranges::any_of(ranges, [&](const PartitionRange& r) { return beyond(r, point, fixed).has_value(); });
}

Status resume_ranges(Ranges& ranges, const checkpoint::ResumePoint& point, bool fixed) {
  STREAM_TRY(check_all_read(ranges, point));
  const auto is_expired = [&](const PartitionRange& r) {
    const auto position = find(point.positions, unit_name(r));
    return position && *position >= 0 && *position < r.low;
  };
  const auto is_cut = [&](const PartitionRange& r) { return beyond(r, point, fixed).has_value(); };
  if (const auto r = std::ranges::find_if(ranges, is_expired); r != ranges.end()) {
    const auto count = static_cast<size_t>(std::ranges::count_if(ranges, is_expired));
    return expired(*r, *find(point.positions, unit_name(*r)), count - 1);
  }
  if (const auto r = std::ranges::find_if(ranges, is_cut); r != ranges.end()) {
    const auto count = static_cast<size_t>(std::ranges::count_if(ranges, is_cut));
    return cut_off(*r, *beyond(*r, point, fixed), count - 1);
  }
  for (PartitionRange& r : ranges) {
    const std::string unit = unit_name(r);
    const auto position = find(point.positions, unit);
    if (position && *position < 0) {
      if (!r.bad_start.empty()) return Status(Code::usage, r.bad_start);
    } else {
      r.start = position.value_or(r.low);
    }
    if (const auto end = fixed ? find(point.ends, unit) : std::nullopt) r.end = end;
  }
  return {};
}

}  // namespace streamutils::kafka
