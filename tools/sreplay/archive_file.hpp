// SPDX-License-Identifier: Apache-2.0
// One NDJSON file: its records in blocks, each with the time by which it is merged.
#pragma once
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "lib/files/input_file.hpp"
#include "lib/stream/decoder.hpp"
#include "lib/stream/io_buffer.hpp"
#include "tools/sreplay/file_source.hpp"

namespace streamutils::sreplay {

class FileSource::File final : private Output {
 public:
  File(std::unique_ptr<InputFile> input, UnitId unit, RecordTime* time, Units& units)
      : unit_(unit), units_(units), input_(std::move(input)), time_(time) {}

  /// Makes sure that there is a next record unless the file has ended. On failure (I/O, damaged data, a file that holds
  /// a stream): names the file.
  Status fill();
  [[nodiscard]] bool ended() const { return eof_ && next_ == slices_.size(); }
  /// REQUIRES: fill() was called and the file has not ended.
  [[nodiscard]] int64_t next_time() const { return times_.empty() ? 0 : times_[next_]; }
  [[nodiscard]] UnitId unit() const { return unit_; }

  /// Gives the next records, at least one, while `goes_on(time)`; their bytes. What it gave lives until the next
  /// fill().
  template <class GoesOn>
  Result<size_t> give(Output& out, GoesOn&& goes_on) {
    const size_t first = next_++;
    if (is_side(first)) return give_side(first, out);
    while (next_ < slices_.size() && !is_side(next_) && goes_on(next_time())) ++next_;
    const Batch run = Batch{unit_, buffer_.data(), slices_, {}, lines_, {}}.part(first, next_ - first);
    STREAM_TRY(out.records(run));
    return size_t{run.records.back().offset} + run.records.back().size - run.records.front().offset;
  }

 private:
  /// A side record has its place among the slices: `offset` is its number in sides_.
  static constexpr uint32_t kSide = std::numeric_limits<uint32_t>::max();
  struct Side {
    SideRecord item;
    std::string record;
  };

  // What the decoder gives.
  Status records(const Batch& batch) override;
  Status control(const Control& item) override;

  [[nodiscard]] bool is_side(size_t i) const { return slices_[i].size == kSide; }
  Result<size_t> give_side(size_t i, Output& out);
  Status read_block();
  Status detect();
  void read_times();

  UnitId unit_;
  Units& units_;
  std::unique_ptr<InputFile> input_;
  RecordTime* time_;
  std::unique_ptr<Decoder> decoder_;
  IoBuffer buffer_;
  size_t taken_ = 0;  // bytes at the front of the buffer that the current block uses
  std::vector<Slice> slices_;
  std::vector<int64_t> lines_, times_;
  std::deque<Side> sides_;
  size_t next_ = 0;
  int64_t last_time_ = std::numeric_limits<int64_t>::min();
  bool eof_ = false;
};

}  // namespace streamutils::sreplay
