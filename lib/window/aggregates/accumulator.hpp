// SPDX-License-Identifier: Apache-2.0
// What an aggregate is made of: an accumulator that lives in a row, and a reading of it that writes one result.
//
// To add an aggregate: write its state class and its maker in one file of this folder, declare the maker in makers.hpp
// and add one line to the table in registry.cpp.
//
// Thread rule: accumulators are immutable; the states belong to whoever holds the row. States of different rows may be
// added to by different threads at the same time.
// Invariants of every state:
//  1. It is at most 8-aligned, and may be moved with memcpy (it never points into itself); as init() makes it, it owns
//     nothing, and may be copied with memcpy.
//  2. Adding the records of two states in order of event time to one, and merging the two states, read the same.
//     (frequent_items.hpp says what is left of this for mode and topk of more values than they count exactly.)
//  3. A saved state that is loaded again is the same state; load() of any other bytes returns false and
//     leaves a state that can still be destroyed.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/base/time.hpp"
#include "lib/expr/aggregate_list.hpp"
#include "lib/json/value.hpp"
#include "lib/stream/state.hpp"
#include "lib/window/interval.hpp"

namespace streamutils::window {

/// So many are added at a time.
inline constexpr size_t kMostAdditions = 64;
/// A record that is to be added to a row.
struct Addition {
  char* row = nullptr;
  const JsonValue* values = nullptr;  ///< by slot
  EventTime time;
};

/// An addition of which only this is left: what the value is to the accumulator.
struct Operation {
  char* state = nullptr;
  uint64_t operand = 0;
};

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  [[nodiscard]] virtual size_t size() const = 0;
  virtual void init(char* state) const = 0;
  virtual void destroy(char* state) const = 0;
  /// False when destroy() does nothing.
  [[nodiscard]] virtual bool can_own() const = 0;
  /// True when check() can refuse a value.
  [[nodiscard]] virtual bool checks() const = 0;
  /// Empty, or the reason why `values`, one for each field of the call, cannot be added. REQUIRES: none of them is null
  /// or missing.
  [[nodiscard]] virtual std::string_view check(const JsonValue* values) const = 0;
  /// REQUIRES: none is null or missing, and check() was empty. Does not clear `scratch`.
  virtual void add(char* state, const JsonValue* values, EventTime time, expr::Scratch& scratch) const = 0;
  /// add() of the value in `slot` of each, where it is neither null nor missing, to the state at `offset` of its row:
  /// one after the other, so that the memory that one needs is fetched while another is computed. Gives back what it
  /// takes from `scratch`.
  virtual void add_each(std::span<const Addition> all, size_t offset, size_t slot, expr::Scratch& scratch) const {
    add_all(*this, all, offset, slot, scratch);
  }
  /// True when an addition can be made of an operand alone, and mostly costs more than finding its row: sketches, sets.
  [[nodiscard]] virtual bool takes_operands() const { return false; }
  /// REQUIRES: takes_operands(), and what add() requires. Does not clear `scratch`.
  virtual uint64_t operand(const JsonValue& /*value*/, expr::Scratch& /*scratch*/) const { return 0; }
  /// add() of the values that these were made of, in their order. At the same time it may be called for other states in
  /// other threads. REQUIRES: takes_operands().
  virtual void add_operands(std::span<const Operation> /*all*/) const {}
  virtual void merge(char* state, const char* other) const = 0;
  /// Memory that the state holds beyond size(). Constant time.
  [[nodiscard]] virtual size_t extra_bytes(const char* state) const = 0;
  virtual void save(const char* state, StateWriter& out) const = 0;
  /// REQUIRES: a state fresh from init().
  virtual bool load(char* state, StateReader& in) const = 0;

 protected:
  template <class Self>
  static void add_all(const Self& self, std::span<const Addition> all, size_t offset, size_t slot,
                      expr::Scratch& scratch) {
    const size_t mark = scratch.mark();
    for (const Addition& one : all) {
      const JsonValue& value = one.values[slot];
      if (value.type <= JsonType::null) continue;
      self.add(one.row + offset, &value, one.time, scratch);
      scratch.release(mark);
    }
  }
};

/// The accumulator of a state class with the members that are called below; kChecks tells whether check() ever refuses.
/// A state that has a type Prepared is asked to prepare() several values, for which it may ask for memory but changes
/// nothing, before it is told to add() the first of them. With a static operand() it takes those, and prepare()s them.
/// check() and add() of a state take `const JsonValue&`, or of a call with several fields `const JsonValue*`.
template <class State>
class StateAccumulator : public Accumulator {
  static_assert(alignof(State) <= 8);

 public:
  static State& at(char* state) { return *std::launder(reinterpret_cast<State*>(state)); }
  static const State& at(const char* state) { return *std::launder(reinterpret_cast<const State*>(state)); }

  [[nodiscard]] size_t size() const override { return (sizeof(State) + 7) / 8 * 8; }
  void init(char* state) const override { new (state) State(); }
  void destroy(char* state) const override { at(state).~State(); }
  [[nodiscard]] bool can_own() const override { return !std::is_trivially_destructible_v<State>; }
  [[nodiscard]] bool checks() const override { return State::kChecks; }
  [[nodiscard]] std::string_view check(const JsonValue* values) const override {
    if constexpr (requires { State::check(values); }) {
      return State::check(values);
    } else {
      return State::check(*values);
    }
  }
  void add(char* state, const JsonValue* values, EventTime time, expr::Scratch& scratch) const override {
    if constexpr (requires { at(state).add(values, time, scratch); }) {
      at(state).add(values, time, scratch);
    } else {
      at(state).add(*values, time, scratch);
    }
  }
  void add_each(std::span<const Addition> all, size_t offset, size_t slot, expr::Scratch& scratch) const override {
    if (typeid(*this) != typeid(StateAccumulator)) return Accumulator::add_each(all, offset, slot, scratch);
    if constexpr (requires { typename State::Prepared; }) {
      add_prepared(all, offset, slot, scratch);
      return;
    }
    struct Direct {
      void add(char* state, const JsonValue* value, EventTime time, expr::Scratch& memory) const {
        self.StateAccumulator::add(state, value, time, memory);
      }
      const StateAccumulator& self;
    };
    add_all(Direct{*this}, all, offset, slot, scratch);
  }
  [[nodiscard]] bool takes_operands() const override {
    return kTakesOperands && typeid(*this) == typeid(StateAccumulator);
  }
  uint64_t operand(const JsonValue& value, expr::Scratch& scratch) const override {
    if constexpr (kTakesOperands) return State::operand(value, scratch);
    return Accumulator::operand(value, scratch);
  }
  void add_operands(std::span<const Operation> all) const override {
    if constexpr (kTakesOperands) {
      for (; !all.empty(); all = all.subspan(std::min(all.size(), kMostAdditions))) {
        Prepared<State> prepared;
        const size_t count = std::min(all.size(), kMostAdditions);
        for (size_t i = 0; i < count; ++i) __builtin_prefetch(all[i].state, 1);
        for (size_t i = 0; i < count; ++i) prepared[i] = {&at(all[i].state), at(all[i].state).prepare(all[i].operand)};
        for (size_t i = 0; i < count; ++i) prepared[i].first->add(prepared[i].second);
      }
    }
  }
  void merge(char* state, const char* other) const override { at(state).merge(at(other)); }
  [[nodiscard]] size_t extra_bytes(const char* state) const override { return at(state).extra_bytes(); }
  void save(const char* state, StateWriter& out) const override { at(state).save(out); }
  bool load(char* state, StateReader& in) const override { return at(state).load(in) && in.ok(); }

 private:
  static constexpr bool kTakesOperands = requires(const State& state, const JsonValue& value, expr::Scratch& scratch) {
    state.prepare(State::operand(value, scratch));
  };
  template <class Some>
  using Prepared = std::array<std::pair<Some*, typename Some::Prepared>, kMostAdditions>;

  static void add_prepared(std::span<const Addition> all, size_t offset, size_t slot, expr::Scratch& scratch) {
    Prepared<State> prepared;
    size_t count = 0;
    const size_t mark = scratch.mark();
    for (const Addition& one : all) {
      const JsonValue& value = one.values[slot];
      if (value.type <= JsonType::null) continue;
      State& state = at(one.row + offset);
      prepared[count++] = {&state, state.prepare(value, scratch)};
      scratch.release(mark);
    }
    for (size_t i = 0; i < count; ++i) prepared[i].first->add(prepared[i].second);
  }
};

/// Appends one result of a state as JSON. `window` is the one that it is the result of; empty when that has no bounds.
using Reading = std::function<void(std::string& out, const char* state, Interval window)>;

/// Puts into `to`, fresh from init(), what `from`, a state of another kind that holds more, has of it.
using Conversion = void (*)(char* to, const char* from);

/// A reading of a state; calls of equal state, fields, shape and condition share one.
struct StateReading {
  std::string_view state;  ///< the state's kind: "sum", "quantiles", …
  Reading reading;
  Conversion convert = nullptr;  ///< in also_from: makes the call's own state of it
};

/// What a call of the list becomes.
struct Aggregate {
  StateReading result;
  std::unique_ptr<Accumulator> accumulator;  ///< of result.state
  std::vector<StateReading> also_from;       ///< other kinds that hold the same result, should the list have one
  std::string shape;                         ///< the literals that the state depends on, in one form: ", 10, 20"
};

/// Makes the aggregate of a call. On failure: a usage error about the call, without its place.
using Maker = Result<Aggregate> (*)(const expr::AggregateItem& call);

template <class State>
Aggregate make_aggregate(std::string_view kind, void (*read)(std::string& out, const State& state)) {
  Aggregate aggregate;
  aggregate.result = {kind,
                      [read](std::string& out, const char* s, Interval) { read(out, StateAccumulator<State>::at(s)); }};
  aggregate.accumulator = std::make_unique<StateAccumulator<State>>();
  return aggregate;
}

/// The common case of a call: exactly one field and nothing else.
Status require_one_field(const expr::AggregateItem& call);
/// Exactly two fields and nothing else; `example` is a good pair, as in "host, latency_ms".
Status require_two_fields(const expr::AggregateItem& call, std::string_view example);
/// One field and one literal, a whole number from 1 to `most`; `example` as above. Returns the number.
Result<size_t> require_field_and_number(const expr::AggregateItem& call, size_t most, std::string_view example);

}  // namespace streamutils::window
