// SPDX-License-Identifier: Apache-2.0
#include "tools/sfilter/projection.hpp"

#include <cstring>

namespace streamutils::sfilter {

namespace {

constexpr size_t kStep = 32;
static_assert(kStep <= kJsonPadding);

/// Copies in whole steps: up to kStep - 1 bytes more are read and written.
char* copy(char* to, const char* from, size_t size) {
  std::memcpy(to, from, kStep);
  for (size_t at = kStep; at < size; at += kStep) std::memcpy(to + at, from + at, kStep);
  return to + size;
}

}  // namespace

void Projection::add(size_t slot, std::string_view quoted_name) {
  leads_.resize(lead_bytes_);
  leads_.append(1, ',').append(quoted_name).append(1, ':');
  fields_.push_back({slot, lead_bytes_, leads_.size() - lead_bytes_});
  lead_bytes_ = leads_.size();
  leads_.append(kStep, '\0');
}

Slice Projection::write(std::span<const JsonValue> values) {
  size_t most = lead_bytes_ + kStep + 4;
  for (const Field& field : fields_) most += values[field.slot].raw.size();
  text_.ensure(most);
  char* const start = text_.data() + text_.size();
  char* at = start;
  for (const Field& field : fields_) {
    const JsonValue& value = values[field.slot];
    if (value.type == JsonType::missing) continue;
    at = copy(at, leads_.data() + field.lead, field.lead_size);
    at = copy(at, value.raw.data(), value.raw.size());
  }
  if (at == start) ++at;
  *start = '{';  // the first comma's place
  *at++ = '}';
  *at = '\n';
  const Slice slice{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(at - start)};
  text_.resize(text_.size() + slice.size + 1);
  return slice;
}

}  // namespace streamutils::sfilter
