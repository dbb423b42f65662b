// SPDX-License-Identifier: Apache-2.0
// What a sink must be able to do to be exactly once. ssink-redis, ssink-kafka and ssink-file implement it; SinkMember
// drives it. docs/exactly-once.md says what each store must promise for it.
//
// Thread rule: one thread.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "lib/stream/items.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils::checkpoint {

/// Who writes to a sink's own store.
struct SinkIdentity {
  std::string pipeline;  ///< UUID
  std::string member;    ///< "ssink-redis", "sdivert.late.ssink-kafka"
  uint64_t generation = 0;
};

/// An older generation was refused: Code::fenced, exit 2, never restarted.
Status fenced(std::string_view place, uint64_t ours, uint64_t theirs);
/// The same at the first contact: it may also be the checkpoint that was set back in time.
Status fenced_at_start(std::string_view place, uint64_t ours, uint64_t theirs);

class TransactionalSink : public Operator {
 public:
  using TakeChunk = std::function<Status(std::string_view chunk)>;

  /// From now on effects go to `take` as chunks that apply() understands, in a format that later versions can read;
  /// nothing goes to the sink's own store before fence(). Called once, before on_open().
  virtual void spool_to(TakeChunk take) = 0;
  /// Gives the rest of the effects made so far to `take`. Called before a snapshot.
  virtual Status cut() = 0;

  /// What a start may find in the sink's own store.
  struct Expected {
    /// Nothing was ever acknowledged: the cursor may be anything, or absent, and is set to `last`, {0, 0}.
    bool reset = false;
    /// --from-epoch: a cursor beyond `last` is set back to it. One that is inside stays: the rest of the spool is still
    /// due.
    bool rewind = false;
    /// The cursor must be between these two, inclusive; absent counts as {0, 0}, and only when `last` is {0, 0}:
    /// a store that lost its cursor may still hold the effects of the spool. (One that is seen to be empty: when
    /// `first` is.)
    Cursor first, last;
  };
  /// The first contact with the store: waits for it (up to the sink's own patience), then in one atomic act refuses
  /// when the store knows a later generation, and else writes ours. From then on no earlier generation can write.
  /// Returns the cursor. An unexpected one (lost, set back, ahead) is an error with the way out: Code::usage.
  virtual Result<Cursor> fence(const SinkIdentity& identity, const Expected& expected) = 0;
  /// Applies a chunk and moves the cursor from `after` to `at`, both or neither, and only when the store stands at
  /// `after` with our generation; at `at` or beyond it already: ok, nothing is done. May return before the store has
  /// confirmed; drain() waits for that. REQUIRES: fence() succeeded.
  virtual Status apply(const Cursor& after, const Cursor& at, std::string_view chunk) = 0;
  virtual Status drain() = 0;
  /// A chunk that has just gone to the spool, with the cursor that it will get. A sink that can take effects back may
  /// let its readers see it now: apply() comes with the decision, and without one fence() of the next start takes it
  /// back. REQUIRES: fence() succeeded.
  virtual Status show(const Cursor& /*after*/, const Cursor& /*at*/, std::string_view /*chunk*/) { return {}; }
};

}  // namespace streamutils::checkpoint
