// SPDX-License-Identifier: Apache-2.0
// A sink whose own store is a map: the obvious implementation of TransactionalSink's contract.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "lib/checkpoint/sink.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::crash {

/// Survives every crash.
struct MemoryStore {
  struct At {
    uint64_t generation = 0;
    Cursor cursor;
  };
  std::map<std::string, At> cursors;                      // by pipeline and member
  std::map<std::string, std::vector<std::string>> lines;  // what was written, by unit
};

class MemorySink final : public checkpoint::TransactionalSink {
 public:
  MemorySink(MemoryStore& store, Context& context) : store_(store), context_(context) {}

  Status on_open(Open& open, Output& out) override { return out.control(open); }
  Status on_records(const Batch& batch, Output&) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::string unit(context_.units.name(batch.unit));
      chunk_ += fmt::format("{}\t{} {}\n", unit, ++counts_[unit], batch.record(i));
      if (++in_chunk_ == 3) STREAM_TRY(cut());
    }
    return {};
  }
  [[nodiscard]] bool stateful() const override { return true; }
  Status snapshot(StateWriter& out) const override {
    out.u64(counts_.size());
    for (const auto& [unit, count] : counts_) {
      out.text(unit);
      out.u64(count);
    }
    return {};
  }
  Status restore(StateReader& in) override {
    for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
      const std::string unit(in.text());
      counts_[unit] = in.u64();
    }
    return in.status("the memory sink");
  }

  void spool_to(TakeChunk take) override { take_ = std::move(take); }
  Status cut() override {
    if (chunk_.empty()) return {};
    in_chunk_ = 0;
    return take_(std::exchange(chunk_, {}));
  }
  Result<Cursor> fence(const checkpoint::SinkIdentity& identity, const Expected& expected) override {
    name_ = identity.pipeline + "/" + identity.member;
    generation_ = identity.generation;
    const auto found = store_.cursors.find(name_);
    if (found != store_.cursors.end() && found->second.generation > generation_) {
      return checkpoint::fenced_at_start("memory", generation_, found->second.generation);
    }
    Cursor cursor = found == store_.cursors.end() ? Cursor{} : found->second.cursor;
    if (expected.reset || (expected.rewind && cursor > expected.last)) {
      cursor = expected.last;
    } else if (found == store_.cursors.end() && expected.last != Cursor()) {
      return usage_error("the cursor is gone");
    } else if (cursor < expected.first || cursor > expected.last) {
      return usage_error("the cursor is at {}.{}", cursor.epoch, cursor.chunk);
    }
    store_.cursors[name_] = {generation_, cursor};
    return cursor;
  }
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk) override {
    MemoryStore::At& stored = store_.cursors[name_];
    if (stored.generation != generation_) return checkpoint::fenced("memory", generation_, stored.generation);
    if (stored.cursor >= at) return {};
    if (stored.cursor != after) return failed("a chunk is missing");
    stored.cursor = at;
    while (!chunk.empty()) {
      const size_t tab = chunk.find('\t'), end = chunk.find('\n');
      store_.lines[std::string(chunk.substr(0, tab))].emplace_back(chunk.substr(tab + 1, end - tab - 1));
      chunk.remove_prefix(end + 1);
    }
    return {};
  }
  Status drain() override { return {}; }

 private:
  MemoryStore& store_;
  Context& context_;
  TakeChunk take_;
  std::string name_;
  uint64_t generation_ = 0;
  std::map<std::string, uint64_t> counts_;
  std::string chunk_;
  int in_chunk_ = 0;
};

}  // namespace streamutils::crash
