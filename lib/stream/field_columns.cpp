// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/field_columns.hpp"

#include <algorithm>
#include <cstring>

#include "lib/json/token.hpp"
#include "lib/stream/state.hpp"

namespace streamutils {

namespace {

constexpr unsigned kSizeShift = 24, kTypeShift = 48, kEscapedShift = 56;
constexpr uint64_t kLargest = (1 << 24) - 1;

/// A number of 8 to 16 digits and nothing else, as times are: two looks at eight bytes each. False for other numbers.
bool is_plain_time(std::string_view raw) {
  const auto are_digits = [](const char* at) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    constexpr uint64_t kHigh = 0xf0f0f0f0f0f0f0f0, kDigit = 0x3030303030303030, kSix = 0x0606060606060606;
    return (((bytes & kHigh) ^ kDigit) | (((bytes + kSix) & kHigh) ^ kDigit)) == 0;
  };
  return raw.size() >= 8 && raw.size() <= 16 && raw.front() != '0' && are_digits(raw.data()) &&
         are_digits(raw.data() + raw.size() - 8);
}

bool is_value(JsonType type, std::string_view raw, bool escaped) {
  switch (type) {
    case JsonType::missing:
      return raw.empty();
    case JsonType::null:
      return raw == "null";
    case JsonType::boolean:
      return raw == "true" || raw == "false";
    case JsonType::number:
      return is_plain_time(raw) || is_json_number(raw);
    case JsonType::string:
      return raw.size() >= 2 && raw.front() == '"' && raw.back() == '"' &&
             (!escaped || has_valid_escapes(raw.substr(1, raw.size() - 2)));
    default:
      return false;
  }
}

}  // namespace

bool FieldColumnWriter::read(const Batch& batch) {
  if (!fields_ || fields_->asked.empty() || !batch.fields || batch.errors) return false;
  column_.resize(batch.size() * width());
  uint64_t* entry = column_.data();
  const JsonValue* row = batch.fields;
  for (size_t i = 0; i < batch.size(); ++i, row += batch.field_count) {
    const Slice slice = batch.records[i];
    const char* const record = batch.bytes + slice.offset;
    const uint64_t most = std::min<uint64_t>(slice.size, kLargest);
    for (const size_t slot : fields_->asked) {
      const JsonValue& value = row[slot];
      if (value.type == JsonType::array || value.type == JsonType::object) return false;
      if (value.type == JsonType::missing) {
        *entry++ = 0;
        continue;
      }
      const auto offset = static_cast<uint64_t>(value.raw.data() - record);
      if (offset > kLargest || offset + value.raw.size() > most) return false;
      *entry++ = offset | value.raw.size() << kSizeShift | static_cast<uint64_t>(value.type) << kTypeShift |
                 static_cast<uint64_t>(value.escaped) << kEscapedShift;
    }
  }
  return true;
}

std::string FieldColumnWriter::names() const {
  StateWriter out;
  out.u32(static_cast<uint32_t>(fields_->asked.size()));
  for (const size_t slot : fields_->asked) {
    const std::string name = fields_->set.text(slot);
    out.u32(static_cast<uint32_t>(name.size()));
    out.raw(name.data(), name.size());
  }
  return out.bytes();
}

Status FieldColumnReader::declare(std::string_view payload) {
  constexpr uint32_t kMost = 4096;
  StateReader in(payload);
  const uint32_t count = in.u32();
  if (!names_.empty() || count == 0 || count > kMost) return failed("frame 'fields' is malformed");
  for (uint32_t i = 0; i < count && in.ok(); ++i) names_.emplace_back(in.raw(in.u32()));
  return in.ok() ? Status() : failed("frame 'fields' is malformed");
}

bool FieldColumnReader::has_all_wanted() {
  if (looked_) return usable_;
  looked_ = true;
  for (size_t slot = 0; slot < fields_->set.size(); ++slot) {
    const auto found = std::find(names_.begin(), names_.end(), fields_->set.text(slot));
    if (found == names_.end()) return false;
    places_.push_back(static_cast<size_t>(found - names_.begin()));
  }
  usable_ = true;
  return true;
}

Status FieldColumnReader::read(const uint64_t* column, Batch& batch) {
  if (!fields_ || !fields_->read || !has_all_wanted()) return {};
  const size_t wanted = places_.size();
  if (rows_.size() < batch.size() * wanted) rows_.resize(batch.size() * wanted);
  JsonValue* value = rows_.data();
  for (size_t i = 0; i < batch.size(); ++i, column += width()) {
    const std::string_view record = batch.record(i);
    for (const size_t place : places_) {
      const uint64_t entry = column[place];
      const uint64_t offset = entry & kLargest, size = entry >> kSizeShift & kLargest;
      value->type = static_cast<JsonType>(entry >> kTypeShift & 0xff);
      value->escaped = (entry >> kEscapedShift) != 0;
      if (offset + size > record.size()) return failed("frame 'records' is malformed");
      value->raw = record.substr(offset, size);
      if (!is_value(value->type, value->raw, value->escaped)) return failed("frame 'records' is malformed");
      ++value;
    }
  }
  batch.fields = rows_.data();
  batch.field_count = wanted;
  return {};
}

}  // namespace streamutils
