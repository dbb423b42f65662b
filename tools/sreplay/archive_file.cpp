// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/archive_file.hpp"

namespace streamutils::sreplay {

namespace {
constexpr size_t kReadBytes = 256 << 10;
}

Status FileSource::File::fill() {
  while (next_ == slices_.size() && !eof_) STREAM_TRY(read_block());
  return {};
}

Status FileSource::File::read_block() {
  buffer_.drop_front(taken_);
  taken_ = 0;
  slices_.clear();
  lines_.clear();
  sides_.clear();
  next_ = 0;
  buffer_.ensure(kReadBytes);
  STREAM_ASSIGN(const size_t n, input_->read(buffer_.data() + buffer_.size(), kReadBytes));
  eof_ = n == 0;
  buffer_.resize(buffer_.size() + n);
  if (!decoder_) STREAM_TRY(detect());
  if (!decoder_) return {};
  STREAM_ASSIGN(taken_, decoder_->decode(buffer_.view(), eof_, *this));
  read_times();
  return {};
}

/// A recorded stream is no archive: its units would become one, and its watermarks would be lost without a word.
Status FileSource::File::detect() {
  decoder_ = detect_decoder(buffer_.view(), eof_, units_, {});
  if (!decoder_ || !decoder_->is_stream()) return {};
  return usage_error(
      "'{}' holds a stream with control items, not plain records: feed it to the next program by itself, or write "
      "it with --plain",
      units_.name(unit_));
}

Status FileSource::File::records(const Batch& batch) {
  slices_.insert(slices_.end(), batch.records.begin(), batch.records.end());
  lines_.insert(lines_.end(), batch.offsets.begin(), batch.offsets.end());
  return {};
}

Status FileSource::File::control(const Control& item) {
  const auto* side = std::get_if<SideRecord>(&item);
  if (!side) return {};  // the open and end of a plain input
  slices_.push_back({static_cast<uint32_t>(sides_.size()), kSide});
  lines_.push_back(side->offset);
  sides_.push_back({*side, std::string(side->record)});
  return {};
}

Result<size_t> FileSource::File::give_side(size_t i, Output& out) {
  Side& side = sides_[slices_[i].offset];
  side.item.unit = unit_;
  side.item.record = side.record;
  STREAM_TRY(out.control(side.item));
  return side.record.size();
}

void FileSource::File::read_times() {
  if (!time_) return;
  times_.resize(slices_.size());
  for (size_t i = 0; i < slices_.size(); ++i) {
    if (!is_side(i)) {
      if (const auto time = time_->of({buffer_.data() + slices_[i].offset, slices_[i].size})) last_time_ = *time;
    }
    times_[i] = last_time_;
  }
}

}  // namespace streamutils::sreplay
