// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/read_ahead.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

#include "lib/stream/field_reader.hpp"
#include "lib/stream/spin.hpp"

namespace streamutils {

namespace {

/// What one poll() gave: batches, and small items between them.
struct Block {
  enum class State : uint8_t { read, taken, parsed };
  using Item = std::variant<size_t, Watermark, CaughtUp, Idle>;  // size_t: of batches

  std::atomic<State> state = State::read;  // changed under the mutex once it is in the queue
  std::vector<Item> items;
  std::vector<Batch> batches;
  size_t records = 0, bytes = 0;
  IoBuffer held;
  std::deque<std::string> texts;  // of what the source could not keep
  std::deque<std::vector<Slice>> slices;
  std::deque<std::vector<int64_t>> columns;
  std::deque<std::vector<JsonValue>> found;  // what the source has found itself
  std::vector<JsonValue> rows;
  std::vector<ParseError> errors;
  std::vector<int64_t> times;

  void clear() {
    state = State::read;
    items.clear();
    batches.clear();
    records = bytes = 0;
    texts.clear();
    slices.clear();
    columns.clear();
    found.clear();
  }

  void parse(RecordParser& parser, size_t width, const std::optional<WantedTimes>& wanted) {
    if (rows.size() < records * width) rows.resize(records * width);
    if (errors.size() < records) errors.resize(records);
    if (times.size() < records) times.resize(records);
    size_t at = 0;
    for (Batch& batch : batches) {
      if (batch.fields) continue;
      JsonValue* const first = rows.data() + at * width;
      const bool clean = find_fields(parser, batch, width, first, errors.data() + at);
      batch.fields = first;
      batch.field_count = width;
      batch.errors = clean ? nullptr : errors.data() + at;
      if (wanted) {
        find_times(first, width, batch.errors, *wanted, std::span(times).subspan(at, batch.size()));
        batch.found_times = times.data() + at;
      }
      at += batch.size();
    }
  }

  Status give(Output& out) const {
    for (const Item& item : items) {
      if (const auto* batch = std::get_if<size_t>(&item)) {
        STREAM_TRY(out.records(batches[*batch]));
      } else if (const auto* watermark = std::get_if<Watermark>(&item)) {
        STREAM_TRY(out.control(*watermark));
      } else if (const auto* caught_up = std::get_if<CaughtUp>(&item)) {
        STREAM_TRY(out.control(*caught_up));
      } else {
        STREAM_TRY(out.control(std::get<Idle>(item)));
      }
    }
    return {};
  }
};

/// No signal is for a thread of ours: they end waits of the loop's.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

struct ReadAhead::Impl final : public Output {
  Impl(Source& source_to_read, const SharedFields& fields, Workers& its_workers, size_t threads, size_t small_size)
      : source(source_to_read),
        shared(fields),
        workers(its_workers),
        helpers_wanted(threads - 1),
        most_blocks(threads + 2),
        small_bytes(small_size) {
    workers.set_threads(threads, [this] {
      if (sleeping > 0) changed.notify_all();  // one that is about to sleep may miss it: the work is done all the same
    });
  }
  ~Impl() override {
    workers.set_threads(1, nullptr);
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    for (std::thread& helper : helpers) helper.join();
  }

  Source& source;
  const SharedFields& shared;
  Workers& workers;
  const size_t helpers_wanted, most_blocks, small_bytes;
  Output* out = nullptr;  // while poll() runs
  std::optional<Status> failure;
  bool refused = false;  // something given within the source's poll() failed: whoever failed gets nothing more
  State last = State::empty;
  std::unique_ptr<Block> reading;  // what the source gives now
  std::vector<std::unique_ptr<Block>> unused;
  std::optional<RecordParser> parser;
  size_t width = 0;
  std::vector<std::thread> helpers;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::unique_ptr<Block>> queue;  // in the source's order; changed by the loop's thread only
  std::atomic<size_t> unparsed = 0;          // blocks in it that nobody has taken
  std::atomic<bool> stopping = false;
  std::atomic<size_t> sleeping = 0;

  // What the source gives while poll() runs.

  Status records(const Batch& batch) override {
    Batch copy = batch;
    Block& block = *reading;
    size_t bytes = 0;
    for (const Slice& slice : batch.records) bytes = std::max<size_t>(bytes, slice.offset + slice.size);
    if (!source.can_keep(batch.bytes)) {
      block.texts.emplace_back(batch.bytes, bytes).append(kJsonPadding, '\0');
      copy.bytes = block.texts.back().data();
      copy.fields = nullptr;  // they would point into what is not kept
      copy.found_times = nullptr;
    }
    block.slices.emplace_back(batch.records.begin(), batch.records.end());
    copy.records = block.slices.back();
    for (auto* column : {&copy.times, &copy.offsets, &copy.kafka_times}) {
      if (column->empty()) continue;
      block.columns.emplace_back(column->begin(), column->end());
      *column = block.columns.back();
    }
    if (copy.fields) {
      block.found.emplace_back(batch.fields, batch.fields + batch.size() * batch.field_count);
      copy.fields = block.found.back().data();
    } else {
      block.records += batch.size();
    }
    block.items.emplace_back(block.batches.size());
    block.batches.push_back(copy);
    block.bytes += bytes;
    return {};
  }

  Status control(const Control& item) override {
    if (const auto* watermark = std::get_if<Watermark>(&item)) {
      reading->items.emplace_back(*watermark);
    } else if (const auto* caught_up = std::get_if<CaughtUp>(&item)) {
      reading->items.emplace_back(*caught_up);
    } else if (const auto* idle = std::get_if<Idle>(&item)) {
      reading->items.emplace_back(*idle);
    } else {
      Status given = give_all_and(item);
      refused = !given.ok();
      return given;
    }
    return {};
  }

  Status give_all_and(const Control& item) {
    while (!queue.empty()) STREAM_TRY(give_front());
    STREAM_TRY(reading->give(*out));
    reading->clear();
    return out->control(item);
  }

  Status flush() override { return out->flush(); }

  // In the loop's thread.

  Result<State> poll(Output& to, const Waiter& waiter, Duration timeout) {
    out = &to;
    bool small = false;
    while (!failure && last != State::finished && !source.wants_flush() && wants_more() && !small) {
      STREAM_TRY(read(waiter, queue.empty() ? timeout : Duration{0}, small));
      if (last != State::delivered) break;
    }
    if (!queue.empty()) {
      STREAM_TRY(give_front());
      return State::delivered;
    }
    if (failure) return std::move(*failure);
    return last;
  }

  /// One block for each helper beside the one that is given next is enough for now: reading more is better left to a
  /// helper that has nothing else to do.
  [[nodiscard]] bool wants_more() const {
    return queue.size() <= helpers_wanted || (queue.size() < most_blocks && source.is_ready());
  }

  /// Polls the source once. `small`: what it gave was little, and was given.
  Status read(const Waiter& waiter, Duration timeout, bool& small) {
    if (unused.empty()) unused.push_back(std::make_unique<Block>());
    reading = std::move(unused.back());
    unused.pop_back();
    reading->clear();
    Result<State> state = source.poll(*this, waiter, timeout);
    if (refused && !state.ok()) return state.take_status();
    if (state.ok()) {
      last = *state;
    } else {
      failure = state.take_status();
    }
    if (reading->items.empty()) {
      unused.push_back(std::move(reading));
      return {};
    }
    small = reading->bytes < small_bytes && queue.empty();
    if (small) {
      Status given = reading->give(*out);
      unused.push_back(std::move(reading));
      return given;
    }
    hand_over();
    return {};
  }

  void hand_over() {
    source.keep(reading->held);
    if (!parser) start();
    {
      const std::lock_guard lock(mutex);
      queue.push_back(std::move(reading));
      ++unparsed;
    }
    changed.notify_one();
  }

  void start() {
    width = shared.set.size();
    parser.emplace(shared.set);
    const WithoutSignals inherited;
    for (size_t i = 0; i < helpers_wanted; ++i) helpers.emplace_back([this] { help(); });
  }

  /// The first block that nobody parses. REQUIRES: the mutex is held.
  Block* take() {
    const auto found =
        std::find_if(queue.begin(), queue.end(), [](const auto& block) { return block->state == Block::State::read; });
    if (found == queue.end()) return nullptr;
    (*found)->state = Block::State::taken;
    --unparsed;
    return found->get();
  }

  Status give_front() {
    std::unique_ptr<Block> front;
    {
      std::unique_lock lock(mutex);
      while (queue.front()->state != Block::State::parsed) {
        if (Block* block = take()) {
          lock.unlock();
          block->parse(*parser, width, shared.times);
          lock.lock();
          block->state = Block::State::parsed;
        } else {
          const std::atomic<Block::State>& state = queue.front()->state;
          const auto parsed = [&state] { return state == Block::State::parsed; };
          lock.unlock();
          const bool soon = spin_until(parsed);
          lock.lock();
          if (!soon) changed.wait(lock, parsed);
        }
      }
      front = std::move(queue.front());
      queue.pop_front();
    }
    Status given = front->give(*out);
    unused.push_back(std::move(front));
    return given;
  }

  /// In each of the other threads.
  void help() {
    RecordParser own(shared.set);
    const auto called = [this] { return stopping || unparsed > 0 || workers.has_work(); };
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (workers.has_work()) {  // first: the loop is at it now
        lock.unlock();
        while (workers.help()) {
        }
        lock.lock();
      }
      if (Block* block = take()) {
        lock.unlock();
        block->parse(own, width, shared.times);
        lock.lock();
        block->state = Block::State::parsed;
        changed.notify_all();
        continue;
      }
      lock.unlock();
      const bool found_work = source.prefetch() || spin_until(called);
      lock.lock();
      if (found_work) continue;
      ++sleeping;
      changed.wait(lock, called);
      --sleeping;
    }
  }
};

ReadAhead::ReadAhead(Source& source, const SharedFields& fields, Workers& workers, size_t threads, size_t small_bytes)
    : impl_(std::make_unique<Impl>(source, fields, workers, threads, small_bytes)) {}
ReadAhead::~ReadAhead() = default;

Result<Source::State> ReadAhead::poll(Output& out, const Waiter& waiter, Duration timeout) {
  return impl_->poll(out, waiter, timeout);
}
bool ReadAhead::wants_flush() const { return impl_->queue.empty() && impl_->source.wants_flush(); }
void ReadAhead::flushed() { impl_->source.flushed(); }

}  // namespace streamutils
