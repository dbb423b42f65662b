// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/field_reader.hpp"

namespace streamutils {

FieldReader::FieldReader(const FieldSet& fields, Context& context) : fields_(fields), shared_(context.shared_fields) {
  if (!shared_) return;
  // The same path has the same slot; one that could be added to ours can be added to any.
  for (size_t slot = 0; slot < fields.size(); ++slot) slots_.push_back(*shared_->set.add(fields.text(slot)));
  shared_->read = true;
}

void FieldReader::begin(const Batch& batch) {
  batch_ = &batch;
  if (shared_ && width_ == 0) width_ = shared_->set.size();
  read_before_ = shared_ && batch.fields != nullptr;
  if (read_before_) {
    rows_ = batch.fields;
    return;
  }
  if (!parser_) parser_.emplace(shared_ ? shared_->set : fields_);
  if (!shared_) return;
  if (own_rows_.size() < batch.size() * width_) own_rows_.resize(batch.size() * width_);
  rows_ = own_rows_.data();
}

ParseError FieldReader::read(size_t i, std::span<JsonValue> values) {
  if (!shared_) return parser_->parse(batch_->record(i), values);
  if (!read_before_) {
    const std::span<JsonValue> row(own_rows_.data() + i * width_, width_);
    if (const ParseError error = parser_->parse(batch_->record(i), row); error != ParseError::none) return error;
  } else if (batch_->errors && batch_->errors[i] != ParseError::none) {
    return batch_->errors[i];
  }
  const JsonValue* const row = rows_ + i * width_;
  for (size_t slot = 0; slot < slots_.size(); ++slot) values[slot] = row[slots_[slot]];
  return ParseError::none;
}

void FieldReader::give(Batch& part, size_t first) const {
  if (!shared_) return;
  part.fields = rows_ + first * width_;
  part.field_count = width_;
  part.errors = nullptr;
}

}  // namespace streamutils
