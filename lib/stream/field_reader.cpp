// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/field_reader.hpp"

#include <algorithm>

namespace streamutils {

bool find_fields(RecordParser& parser, const Batch& batch, size_t width, JsonValue* rows, ParseError* errors) {
  bool clean = true;
  for (size_t i = 0; i < batch.size(); ++i) {
    errors[i] = parser.parse(batch.record(i), {rows + i * width, width});
    clean &= errors[i] == ParseError::none;
  }
  return clean;
}

void find_times(const JsonValue* rows, size_t width, const ParseError* errors, const WantedTimes& wanted,
                std::span<int64_t> times) {
  read_event_times(rows + wanted.slot, width, wanted.unit, times);
  if (!errors) return;
  for (size_t i = 0; i < times.size(); ++i) {
    if (errors[i] != ParseError::none) times[i] = kBeforeAll.us;
  }
}

FieldReader::FieldReader(const FieldSet& fields, Context& context) : fields_(fields), shared_(context.shared_fields) {
  for (size_t slot = 0; slot < fields.size(); ++slot) {
    // The same path has the same slot; one that could be added to ours can be added to any.
    slots_.push_back(shared_ ? *shared_->set.add(fields.text(slot)) : slot);
    side_by_side_ = (side_by_side_ || slot == 0) && slots_[slot] == slots_[0] + slot;
  }
  if (shared_) shared_->read = true;
}

void FieldReader::want_times(size_t slot, TimeUnit unit) {
  times_wanted_ = {slots_[slot], unit};
  if (shared_ && !shared_->times) shared_->times = times_wanted_;
}

void FieldReader::begin(const Batch& batch) {
  batch_ = &batch;
  if (width_ == 0) width_ = shared_ ? shared_->set.size() : fields_.size();
  read_all_ = shared_ && batch.fields != nullptr;
  if (read_all_) {
    rows_ = batch.fields;
    errors_ = batch.errors;
    return;
  }
  if (!parser_) parser_.emplace(shared_ ? shared_->set : fields_);
  if (!shared_) return;
  make_room();
  rows_ = own_rows_.data();
}

void FieldReader::make_room() {
  if (own_rows_.size() < batch_->size() * width_) own_rows_.resize(batch_->size() * width_);
}

ParseError FieldReader::read(size_t i, std::span<JsonValue> values) {
  if (!read_all_) {
    if (!shared_) return parser_->parse(batch_->record(i), values);
    const std::span<JsonValue> row(own_rows_.data() + i * width_, width_);
    if (const ParseError error = parser_->parse(batch_->record(i), row); error != ParseError::none) return error;
  } else if (error(i) != ParseError::none) {
    return error(i);
  }
  gather(i, values);
  return ParseError::none;
}

void FieldReader::read_all() {
  if (read_all_) return;
  make_room();
  if (own_errors_.size() < batch_->size()) own_errors_.resize(batch_->size());
  const bool clean = find_fields(*parser_, *batch_, width_, own_rows_.data(), own_errors_.data());
  rows_ = own_rows_.data();
  errors_ = clean ? nullptr : own_errors_.data();
  read_all_ = true;
}

void FieldReader::gather(size_t i, std::span<JsonValue> values) const {
  const JsonValue* const row = rows_ + i * width_;
  for (size_t slot = 0; slot < slots_.size(); ++slot) values[slot] = row[slots_[slot]];
}

std::span<const int64_t> FieldReader::times() {
  if (batch_->found_times && rows_ == batch_->fields && shared_ && shared_->times == times_wanted_) {
    return {batch_->found_times, batch_->size()};
  }
  if (own_times_.size() < batch_->size()) own_times_.resize(batch_->size());
  const std::span<int64_t> times(own_times_.data(), batch_->size());
  find_times(rows_, width_, errors_, *times_wanted_, times);
  return times;
}

void FieldReader::give(Batch& part, size_t first) const {
  if (!shared_) return;
  part.fields = rows_ + first * width_;
  part.field_count = width_;
  part.errors = nullptr;
}

}  // namespace streamutils
