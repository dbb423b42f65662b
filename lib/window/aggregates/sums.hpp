// SPDX-License-Identifier: Apache-2.0
// The states that hold exact sums, whose readings several aggregates share: sum, avg, stddev, and count of a field.
#pragma once
#include "lib/window/aggregates/accumulator.hpp"
#include "lib/window/aggregates/exact_sum.hpp"

namespace streamutils::window {

/// sum(f), avg(f): 32 bytes.
struct SumState {
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) { return check_number(value); }

  void add(const JsonValue& value, EventTime, expr::Scratch&) {
    ShortNumber number;
    if (read_short(value.raw, number)) {
      sum.add(number.coefficient, number.scale);
    } else {
      sum.add(Decimal::parse(value.raw).value_or(Decimal()));
    }
  }
  void merge(const SumState& other) { sum.merge(other.sum); }
  [[nodiscard]] size_t extra_bytes() const { return sum.extra_bytes(); }
  void save(StateWriter& out) const { sum.save(out); }
  bool load(StateReader& in) { return sum.load(in); }

  ExactSum sum;
};

/// stddev(f): the sums of x and of x * x, 64 bytes.
struct MomentsState {
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) { return check_number(value); }

  void add(const JsonValue& value, EventTime, expr::Scratch&);
  void merge(const MomentsState& other) {
    sum.merge(other.sum);
    squares.merge(other.squares);
  }
  [[nodiscard]] size_t extra_bytes() const { return sum.extra_bytes() + squares.extra_bytes(); }
  void save(StateWriter& out) const {
    sum.save(out);
    squares.save(out);
  }
  bool load(StateReader& in) { return sum.load(in) && squares.load(in); }

  ExactSum sum;
  ExactSum squares;
};

using SumReader = void (*)(std::string& out, const ExactSum& sum);
void append_sum(std::string& out, const ExactSum& sum);      ///< null when there are no terms
void append_average(std::string& out, const ExactSum& sum);  ///< null when there are no terms
void append_term_count(std::string& out, const ExactSum& sum);
void append_integer(std::string& out, uint64_t value);

/// The same reading from a SumState and from a MomentsState.
StateReading sum_reading(SumReader read, Conversion convert = nullptr);
StateReading moments_reading(SumReader read, Conversion convert = nullptr);

/// Conversions of a SumState and of a MomentsState into a State, which takes what it needs of the sum.
template <class State, void (*take)(State& to, const ExactSum& from)>
void convert_sum(char* to, const char* from) {
  take(StateAccumulator<State>::at(to), StateAccumulator<SumState>::at(from).sum);
}
template <class State, void (*take)(State& to, const ExactSum& from)>
void convert_moments(char* to, const char* from) {
  take(StateAccumulator<State>::at(to), StateAccumulator<MomentsState>::at(from).sum);
}

}  // namespace streamutils::window
