// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/file_source.hpp"

#include <limits>

#include "lib/files/input_file.hpp"
#include "lib/stream/io_buffer.hpp"
#include "lib/stream/text_decoder.hpp"

namespace streamutils::sreplay {

namespace {
constexpr size_t kReadBytes = 256 << 10;
}

/// One file: its records in blocks, each with the time by which it is merged.
class FileSource::File final : public Output {
 public:
  File(std::unique_ptr<InputFile> input, UnitId unit, RecordTime* time, Units& units)
      : unit_(unit), input_(std::move(input)), time_(time), decoder_(units, {}, false) {}

  /// Makes sure that there is a next record unless the file has ended. Side records go to `out` at once.
  Status fill(Output& out) {
    sides_ = &out;
    while (next_ == slices_.size() && !eof_) {
      buffer_.drop_front(taken_);
      slices_.clear();
      lines_.clear();
      next_ = 0;
      buffer_.ensure(kReadBytes);
      STREAM_ASSIGN(const size_t n, input_->read(buffer_.data() + buffer_.size(), kReadBytes));
      eof_ = n == 0;
      buffer_.resize(buffer_.size() + n);
      STREAM_ASSIGN(taken_, decoder_.decode(buffer_.view(), eof_, *this));
      read_times();
    }
    return {};
  }
  [[nodiscard]] bool ended() const { return eof_ && next_ == slices_.size(); }
  /// REQUIRES: fill() was called and the file has not ended.
  [[nodiscard]] int64_t next_time() const { return times_.empty() ? 0 : times_[next_]; }
  [[nodiscard]] UnitId unit() const { return unit_; }

  /// Takes the next records while `goes_on(time)`, at least one.
  template <class GoesOn>
  Batch take(GoesOn&& goes_on) {
    const size_t first = next_++;
    while (next_ < slices_.size() && goes_on(next_time())) ++next_;
    return Batch{unit_, buffer_.data(), slices_, {}, lines_, {}}.part(first, next_ - first);
  }

  // What the decoder gives.
  Status records(const Batch& batch) override {
    slices_.insert(slices_.end(), batch.records.begin(), batch.records.end());
    lines_.insert(lines_.end(), batch.offsets.begin(), batch.offsets.end());
    return {};
  }
  Status control(const Control& item) override {
    const auto* side = std::get_if<SideRecord>(&item);
    if (!side) return {};
    SideRecord mine = *side;
    mine.unit = unit_;
    return sides_->control(mine);
  }

 private:
  void read_times() {
    if (!time_) return;
    times_.resize(slices_.size());
    for (size_t i = 0; i < slices_.size(); ++i) {
      if (const auto time = time_->of({buffer_.data() + slices_[i].offset, slices_[i].size})) last_time_ = *time;
      times_[i] = last_time_;
    }
  }

  UnitId unit_;
  std::unique_ptr<InputFile> input_;
  RecordTime* time_;
  TextDecoder decoder_;
  Output* sides_ = nullptr;
  IoBuffer buffer_;
  size_t taken_ = 0;  // bytes at the front of the buffer that the current block uses
  std::vector<Slice> slices_;
  std::vector<int64_t> lines_, times_;
  size_t next_ = 0;
  int64_t last_time_ = std::numeric_limits<int64_t>::min();
  bool eof_ = false;
};

Result<std::unique_ptr<FileSource>> FileSource::create(const std::vector<std::string>& paths, RecordTime* time,
                                                       Context& context) {
  std::unique_ptr<FileSource> source(new FileSource(time, context));
  for (const std::string& path : paths) {
    auto input = InputFile::open(path);
    if (!input.ok()) return input.take_status();
    const UnitId unit = context.units.id(path);
    for (const auto& other : source->files_) {
      if (other->unit() == unit) return usage_error("'{}' is given twice: each file is a unit of its own", path);
    }
    source->files_.push_back(std::make_unique<File>(*std::move(input), unit, time, context.units));
  }
  return source;
}

FileSource::FileSource(RecordTime* time, Context& context) : time_(time), context_(context) {}
FileSource::~FileSource() = default;

Status FileSource::start(Output& out) {
  started_ = true;
  Open open;
  open.run = make_run_id();
  for (const auto& file : files_) open.sources.push_back({context_.units.name(file->unit()), 0, std::nullopt});
  STREAM_TRY(out.control(open));
  for (const auto& file : files_) {
    STREAM_TRY(out.control(Assign{file->unit(), 0, static_cast<uint32_t>(files_.size())}));
  }
  for (const auto& file : files_) STREAM_TRY(file->fill(out));
  return {};
}

/// The file whose record is next; files_.size() when all have ended.
size_t FileSource::first_file() const {
  size_t best = files_.size();
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i]->ended()) continue;
    if (best == files_.size() || files_[i]->next_time() < files_[best]->next_time()) best = i;
  }
  return best;
}

Result<Source::State> FileSource::poll(Output& out, const Waiter& waiter, Duration) {
  if (waiter.wait(-1, Duration{0}, false) == Waiter::Event::reader_gone) {
    return Status(Code::broken_pipe, "the reader of the output is gone");
  }
  if (!started_) STREAM_TRY(start(out));
  const size_t chosen = first_file();
  if (waiter.stop_requested() || chosen == files_.size()) {
    STREAM_TRY(out.control(End{.fire = chosen == files_.size(), .last_epoch = {}}));
    return State::finished;
  }
  STREAM_TRY(give_run(chosen, out));
  return State::delivered;
}

Status FileSource::give_run(size_t chosen, Output& out) {
  // The others' earliest record bounds the run; on a tie the earlier argument goes first.
  size_t rival = files_.size();
  for (size_t i = 0; i < files_.size(); ++i) {
    if (i == chosen || files_[i]->ended()) continue;
    if (rival == files_.size() || files_[i]->next_time() < files_[rival]->next_time()) rival = i;
  }
  const bool alone = rival == files_.size() || !time_;
  const int64_t bound = alone ? 0 : files_[rival]->next_time();
  STREAM_TRY(out.records(files_[chosen]->take(
      [&](int64_t time) { return alone || time < bound || (time == bound && chosen < rival); })));
  STREAM_TRY(files_[chosen]->fill(out));
  if (files_[chosen]->ended()) return out.control(CaughtUp{files_[chosen]->unit(), true});
  return {};
}

}  // namespace streamutils::sreplay
