// SPDX-License-Identifier: Apache-2.0
// What a program does with a stream: an Operator takes items in order and gives items to an Output.
//
// Operators know no file descriptors, clocks or flags: they are given a Clock in their Context and ask to be called at
// deadlines. Every on_...() forwards its item by default, so that an operator writes only what it changes.
// Thread rule: one thread at a time.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.hpp"
#include "lib/base/status.hpp"
#include "lib/stream/items.hpp"

namespace streamutils {

/// Where items go. An implementation copies what it wants to keep before it returns.
class Output {
 public:
  virtual ~Output() = default;
  virtual Status records(const Batch& batch) = 0;
  virtual Status control(const Control& item) = 0;
  /// Everything given so far is with the next program when this returns ok. For whoever is about to wait for an answer
  /// to what it gave; the loop itself flushes before its own waits.
  virtual Status flush() { return {}; }
};

class StateWriter;
class StateReader;

class Operator {
 public:
  virtual ~Operator() = default;

  /// `open` may be changed before it is forwarded: the loop has already added this stage to it.
  virtual Status on_open(Open& open, Output& out) { return out.control(open); }
  virtual Status on_records(const Batch& batch, Output& out) { return out.records(batch); }
  virtual Status on_side(const SideRecord& item, Output& out) { return out.control(item); }
  virtual Status on_watermark(const Watermark& item, Output& out) { return out.control(item); }
  virtual Status on_caught_up(const CaughtUp& item, Output& out) { return out.control(item); }
  virtual Status on_idle(const Idle& item, Output& out) { return out.control(item); }
  virtual Status on_assign(const Assign& item, Output& out) { return out.control(item); }
  virtual Status on_revoke(const Revoke& item, Output& out) { return out.control(item); }
  virtual Status on_barrier(const Barrier& item, Output& out) { return out.control(item); }
  virtual Status on_ack(const Ack& item, Output& out) { return out.control(item); }
  /// The End is the last thing given: while it is passed on, the operator's state is already that of the end.
  virtual Status on_end(const End& item, Output& out) { return out.control(item); }

  /// Called when there is nothing to read right now, before the loop waits: write out whatever is held back
  /// (a sink sends its unfinished chunk). The loop flushes `out` itself afterwards.
  virtual Status on_quiet(Output&) { return {}; }
  /// When on_deadline() is to be called, if nothing else happens first; asked again after every item.
  [[nodiscard]] virtual std::optional<MonoTime> deadline() const { return std::nullopt; }
  virtual Status on_deadline(Output&) { return {}; }

  /// Somebody asks what is going on (SIGUSR1): says in its log what a person wants to know, beyond the program's line
  /// of figures. Changes nothing.
  virtual void explain() {}

  /// True when the operator holds anything across items that a restart needs.
  [[nodiscard]] virtual bool stateful() const { return false; }
  /// Writes the whole state as of the items seen so far. Does not change it.
  virtual Status snapshot(StateWriter&) const { return {}; }
  /// REQUIRES: nothing but on_open() was called before. On failure (truncated, other version; Code::usage when the
  /// options that shaped the state differ, with the difference): says which, the operator is unusable.
  virtual Status restore(StateReader&) { return {}; }
};

/// Gives `item` to the on_...() that is its own. An Open is copied, since on_open() may change it.
Status dispatch(Operator& op, const Control& item, Output& out);

/// An Output that feeds another operator: two stages in one process.
class Feed final : public Output {
 public:
  Feed(Operator& op, Output& next) : op_(op), next_(next) {}
  Status records(const Batch& batch) override { return op_.on_records(batch, next_); }
  Status control(const Control& item) override { return dispatch(op_, item, next_); }
  Status flush() override { return next_.flush(); }

 private:
  Operator& op_;
  Output& next_;
};

}  // namespace streamutils
