// SPDX-License-Identifier: Apache-2.0
// A source whose records are parsed on several threads before the stages see them.
//
// The source is polled, and everything is given, in the thread of the loop, in the order of the source: what comes out
// of the stages is the same, byte for byte, as without this. Other threads only find fields and event times in records,
// a block of them at a time; the loop's thread does so too when the block that is next is not ready. With no block to
// do, they let the source read what it will be asked for next. And they do what a stage divides (workers.hpp).
//
// Thread rule: poll() and all else in one thread. No other thread calls a stage, anything of Context but what a stage
// gives to Workers, or of the source anything but prefetch().
// Invariants:
//  1. Nothing waits for more input before everything read was given. Little input, as a live stream has it, is given
//     at once and parsed by the stage that reads it.
//  2. Items that a source may follow up, `open` and `assign` first of all, are given within its poll(), behind all
//     that came before them.
//  3. Before a failure of the source is returned, what came before it is given. A failure of the stages is returned at
//     once: they are given nothing more.
// Memory: at most threads + 2 blocks, each of what one poll() of the source gives, with the fields of its records.
#pragma once
#include <memory>

#include "lib/stream/context.hpp"
#include "lib/stream/source.hpp"

namespace streamutils {

class ReadAhead final : public Source {
 public:
  /// Less than this is parsed sooner than handed over.
  static constexpr size_t kSmallBytes = 16 << 10;
  /// `source`, `fields` and `workers` outlive this; `fields` are complete once `open` was given. `threads`: the loop's
  /// included.
  ReadAhead(Source& source, const SharedFields& fields, Workers& workers, size_t threads,
            size_t small_bytes = kSmallBytes);
  ~ReadAhead() override;

  Result<State> poll(Output& out, const Waiter& waiter, Duration timeout) override;
  [[nodiscard]] bool wants_flush() const override;
  void flushed() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils
