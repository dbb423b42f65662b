// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/check_feed.hpp"

#include <xxhash.h>

#include <algorithm>

namespace streamutils::sreplay {

CheckFeed::CheckFeed(CheckedPipeline& pipeline, const Manner& manner, bool binary, uint64_t records_in_all,
                     uint64_t seed, const Units& units)
    : pipeline_(pipeline),
      manner_(manner),
      units_(units),
      in_all_(records_in_all),
      encoder_(binary ? make_binary_encoder(units) : make_text_encoder(units)),
      random_(seed) {}

Status CheckFeed::records(const Batch& batch) {
  const std::string& unit = units_.name(batch.unit);
  const uint64_t unit_hash = XXH3_64bits(unit.data(), unit.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::string_view record = batch.record(i);
    hash_ = XXH3_64bits_withSeed(record.data(), record.size(), hash_ ^ unit_hash);
  }
  for (size_t first = 0; first < batch.size();) {
    size_t count = batch.size() - first;
    if (manner_.at_once > 0) {
      count = std::min(count, random(1, records_ < kFineRecords ? manner_.at_once : kCoarse));
    }
    encoder_->records(batch.part(first, count), buffer_);
    first += count;
    records_ += count;
    if (manner_.at_once > 0 || buffer_.size() >= kWholeWrite) STREAM_TRY(send());
    STREAM_TRY(pause_when_due());
  }
  return {};
}

Status CheckFeed::control(const Control& item) {
  encoder_->control(item, buffer_);
  return {};
}

/// The bounds of a piece are not those of records or frames.
Status CheckFeed::send() {
  std::string_view rest = buffer_.view();
  Status status;
  while (!rest.empty() && status.ok()) {
    size_t size = rest.size();
    if (manner_.at_once > 0) size = std::min(size, random(1, records_ < kFineRecords ? 400 : 64 << 10));
    status = pipeline_.write(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  buffer_.clear();
  return status;
}

/// Evenly over the records, the first one after some of them, each as long as chance will have it.
Status CheckFeed::pause_when_due() {
  if (manner_.pauses.us == 0 || in_all_ == 0) return {};
  const uint64_t pauses = std::min(kPauses, in_all_);
  while (paused_ < pauses && records_ >= (static_cast<unsigned __int128>(paused_) + 1) * in_all_ / (pauses + 1) + 1) {
    ++paused_;
    const auto mean = static_cast<size_t>(manner_.pauses.us) / pauses;
    STREAM_TRY(send());
    STREAM_TRY(pipeline_.pause(Duration{static_cast<int64_t>(random(mean / 2, mean + mean / 2))}));
  }
  return {};
}

}  // namespace streamutils::sreplay
