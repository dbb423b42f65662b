// SPDX-License-Identifier: Apache-2.0
// A pipeline without the pipeline: records, epochs, manifests and spools in memory, a FileSink on a FakeDisk.
#pragma once
#include <gtest/gtest.h>

#include "fake_disk.hpp"
#include "tests/helpers/item_recorder.hpp"
#include "tools/ssink-file/sink.hpp"

namespace streamutils::ssink_file {

/// What the checkpoint's store holds, as SinkMember keeps it.
struct Store {
  struct Epoch {
    size_t records = 0;  // read so far
    std::string state;
    Cursor after, cursor;
    std::vector<std::string> spool;
  };
  std::map<uint64_t, Epoch> epochs;  // decided
  uint64_t generation = 0;
  bool taken_over = false;  // a later manifest is there: nothing is decided any more
};

inline constexpr const char* kPipeline = "0a1b2c3d-0000-4000-8000-000000000000";

struct Process {
  Process(World& world, const Options& options) : fake(new FakeDisk(world)), recorder(units) {
    auto made = FileSink::create(options, context, std::unique_ptr<Disk>(fake));
    EXPECT_TRUE(made.ok()) << made.status().message();
    sink = *std::move(made);
  }

  FakeClock clock;
  NullLog log;
  Metrics metrics;
  Units units;
  Context context{clock, log, metrics, units};
  FakeDisk* fake;
  ItemRecorder recorder;
  std::unique_ptr<FileSink> sink;
  std::vector<std::string> chunks;  // of the epoch being read
  Cursor cursor;
  size_t position = 0;

  Status open(bool checkpoint) {
    if (checkpoint) {
      sink->spool_to([this](std::string_view chunk) {
        chunks.emplace_back(chunk);
        return Status();
      });
    }
    Open item;
    return sink->on_open(item, recorder);
  }
  Status feed(std::string_view record) {
    BatchBuilder batch;
    batch.clear(Units::kStream);
    batch.append(record);
    return sink->on_records(batch.batch(), recorder);
  }

  /// As SinkMember begins.
  Status start(Store& store, std::optional<uint64_t> rewind = std::nullopt, bool fresh = false) {
    const uint64_t generation = ++store.generation;
    STREAM_TRY(open(true));
    const Store::Epoch* last = nullptr;
    if (rewind) store.epochs.erase(store.epochs.upper_bound(*rewind), store.epochs.end());
    if (fresh) store.epochs.clear();
    if (!store.epochs.empty()) last = &store.epochs.rbegin()->second;
    checkpoint::TransactionalSink::Expected expected{
        .reset = !last, .rewind = rewind.has_value(), .first = {}, .last = {}};
    if (last) expected.last = last->cursor;
    if (last) expected.first = last->spool.empty() ? last->cursor : last->after;
    STREAM_ASSIGN(cursor, sink->fence({kPipeline, "ssink-file", generation}, expected));
    if (last) STREAM_TRY(apply(store.epochs.rbegin()->first, *last));
    cursor = expected.last;
    if (!last) return {};
    position = last->records;
    StateReader state(last->state);
    return sink->restore(state);
  }
  Status apply(uint64_t number, const Store::Epoch& epoch) {
    Cursor after = epoch.after;
    for (size_t i = 0; i < epoch.spool.size(); ++i) {
      const Cursor at{number, i + 1};
      STREAM_TRY(sink->apply(after, at, epoch.spool[i]));
      after = at;
    }
    return sink->drain();
  }
  /// Reads `count` records of `input`, cuts, decides, applies.
  Status epoch(Store& store, const std::vector<std::string>& input, size_t count, bool applies = true) {
    for (; count > 0 && position < input.size(); --count) {
      STREAM_TRY(feed(input[position++]));
      clock.advance(Duration{1'000'000});
      if (const auto due = sink->deadline(); due && clock.mono() >= *due) STREAM_TRY(sink->on_deadline(recorder));
    }
    STREAM_TRY(sink->cut());
    StateWriter state;
    STREAM_TRY(sink->snapshot(state));
    const uint64_t number = store.epochs.empty() ? 1 : store.epochs.rbegin()->first + 1;
    Store::Epoch made{position, state.bytes(), cursor, cursor, std::move(chunks)};
    chunks.clear();
    if (!made.spool.empty()) made.cursor = {number, made.spool.size()};
    if (store.taken_over) return usage_error("taken over");
    cursor = made.cursor;
    store.epochs[number] = made;
    return applies ? apply(number, made) : Status();
  }
  Status end() { return sink->on_end(End{}, recorder); }

  /// From where the store is to the end of the input.
  Status run(Store& store, const std::vector<std::string>& input, size_t every) {
    STREAM_TRY(start(store));
    while (position < input.size()) STREAM_TRY(epoch(store, input, every));
    return end();
  }
};

}  // namespace streamutils::ssink_file
