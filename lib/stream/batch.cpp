// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/batch.hpp"

#include <fmt/format.h>

namespace streamutils {

UnitId Units::id(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  const auto id = static_cast<UnitId>(names_.size());
  names_.emplace_back(name);
  ids_.emplace(names_.back(), id);  // a deque never moves its strings
  return id;
}

std::string format_place(const Units& units, UnitId unit, int64_t offset) {
  if (offset == kNoOffset) return unit == Units::kStream ? "the input" : units.name(unit);
  if (unit == Units::kStream) return fmt::format("line {}", offset);
  return fmt::format("{}@{}", units.name(unit), offset);
}

Batch Batch::part(size_t first, size_t count) const {
  Batch b = *this;
  b.records = records.subspan(first, count);
  if (!times.empty()) b.times = times.subspan(first, count);
  if (!offsets.empty()) b.offsets = offsets.subspan(first, count);
  if (!kafka_times.empty()) b.kafka_times = kafka_times.subspan(first, count);
  if (fields) b.fields = fields + first * field_count;
  if (errors) b.errors = errors + first;
  if (found_times) b.found_times = found_times + first;
  return b;
}

void BatchBuilder::clear(UnitId unit) {
  unit_ = unit;
  bytes_.clear();
  start_ = 0;
  records_.clear();
  times_.clear();
  offsets_.clear();
  kafka_times_.clear();
}

void BatchBuilder::append(std::string_view record, const int64_t* time, const int64_t* offset,
                          const int64_t* kafka_time) {
  bytes_.append(record);
  commit(time, offset, kafka_time);
}

void BatchBuilder::append(const Batch& from, size_t i) {
  append(from.record(i), from.times.empty() ? nullptr : &from.times[i],
         from.offsets.empty() ? nullptr : &from.offsets[i], from.kafka_times.empty() ? nullptr : &from.kafka_times[i]);
}

void BatchBuilder::commit(const int64_t* time, const int64_t* offset, const int64_t* kafka_time) {
  records_.push_back({static_cast<uint32_t>(start_), static_cast<uint32_t>(bytes_.size() - start_)});
  start_ = bytes_.size();
  if (time) times_.push_back(*time);
  if (offset) offsets_.push_back(*offset);
  if (kafka_time) kafka_times_.push_back(*kafka_time);
}

Batch BatchBuilder::batch() {
  const size_t size = bytes_.size();
  bytes_.append(kJsonPadding, '\0');  // the capacity stays: readable behind the last record
  bytes_.resize(size);
  const auto column = [&](const std::vector<int64_t>& values) {
    return values.size() == records_.size() ? std::span<const int64_t>(values) : std::span<const int64_t>();
  };
  return Batch{unit_, bytes_.data(), records_, column(times_), column(offsets_), column(kafka_times_)};
}

}  // namespace streamutils
