// SPDX-License-Identifier: Apache-2.0
#include "tools/sreplay/file_source.hpp"

#include <algorithm>

#include "tools/sreplay/archive_file.hpp"

namespace streamutils::sreplay {

namespace {
// A poll() gives up to this much, so that interleaved files do not cost a poll(2) a record, and a signal is seen soon.
constexpr size_t kBytesAtOnce = 256 << 10;
constexpr int kRunsAtOnce = 1024;
}  // namespace

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
  for (size_t i = 0; i < files_.size(); ++i) STREAM_TRY(queue(i, out));
  return {};
}

/// Whether file a's next record goes after file b's; std::push_heap keeps the largest in front.
bool FileSource::later(size_t a, size_t b) const {
  const int64_t time_a = files_[a]->next_time(), time_b = files_[b]->next_time();
  return time_a != time_b ? time_a > time_b : a > b;
}

Status FileSource::queue(size_t file, Output& out) {
  STREAM_TRY(files_[file]->fill());
  if (files_[file]->ended()) {
    const UnitId unit = files_[file]->unit();
    STREAM_TRY(out.control(CaughtUp{unit, true}));
    return out.control(Idle{unit, true});
  }
  queue_.push_back(file);
  std::ranges::push_heap(queue_, [this](size_t a, size_t b) { return later(a, b); });
  return {};
}

Result<Source::State> FileSource::poll(Output& out, const Waiter& waiter, Duration) {
  if (waiter.wait(-1, Duration{0}, false) == Waiter::Event::reader_gone) {
    return Status(Code::broken_pipe, "the reader of the output is gone");
  }
  if (!started_) STREAM_TRY(start(out));
  if (waiter.stop_requested() || queue_.empty()) {
    STREAM_TRY(out.control(End{.fire = queue_.empty()}));
    return State::finished;
  }
  size_t given = 0;
  for (int runs = 0; runs < kRunsAtOnce && given < kBytesAtOnce && !queue_.empty(); ++runs) {
    STREAM_ASSIGN(const size_t bytes, give_run(out));
    given += bytes;
  }
  return State::delivered;
}

Result<size_t> FileSource::give_run(Output& out) {
  std::ranges::pop_heap(queue_, [this](size_t a, size_t b) { return later(a, b); });
  const size_t chosen = queue_.back();
  queue_.pop_back();
  // The others' earliest record bounds the run; on a tie the earlier argument goes first.
  const bool alone = queue_.empty() || !time_;
  const size_t rival = alone ? chosen : queue_.front();
  const int64_t bound = alone ? 0 : files_[rival]->next_time();
  STREAM_ASSIGN(const size_t bytes, files_[chosen]->give(out, [&](int64_t time) {
    return alone || time < bound || (time == bound && chosen < rival);
  }));
  STREAM_TRY(queue(chosen, out));
  return bytes;
}

}  // namespace streamutils::sreplay
