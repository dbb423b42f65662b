// SPDX-License-Identifier: Apache-2.0
// What an AggregatePlan is made of: plan_build.cpp makes it of calls, plan.cpp runs it. For these two alone.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/window/aggregates/accumulator.hpp"
#include "lib/window/aggregates/plan.hpp"
#include "lib/window/aggregates/registry.hpp"

namespace streamutils::window {

namespace plan_parts {

inline constexpr size_t kNone = static_cast<size_t>(-1);

/// One accumulator of the row.
struct Part {
  std::string text;  // "sum(latency_ms) where (status >= 500)": equal texts are one part
  std::string call;  // an aggregate that has it
  std::unique_ptr<Accumulator> accumulator;
  size_t offset = 0;
  std::vector<size_t> slots;  // of the fields; none for count()
  size_t slot = kNone;        // of the first
  size_t place = kNone;       // in Impl::deferred
  // From which saved part of another kind it is made; none: from its own, or it begins empty.
  std::string from;
  Conversion convert = nullptr;
  std::vector<PartSource> sources;  // states of other kinds that hold all of it
};

/// The parts that take a record under one condition.
struct Group {
  std::optional<expr::Expression> where;  // empty: always
  std::string text;
  std::vector<size_t> counts;       // offsets of the states of count()
  std::vector<const Part*> parts;   // those of one field
  std::vector<const Part*> tuples;  // those of several
  struct Check {
    const Accumulator* accumulator;
    size_t slot;
  };
  std::vector<Check> checks;  // those of one field that may refuse a value

  [[nodiscard]] std::string_view check(std::span<const JsonValue> values) const;
  void add_tuples(char* row, std::span<const JsonValue> values, EventTime time, expr::Scratch& scratch) const;
};

/// How load() reads one saved accumulator.
struct LoadStep {
  const Part* part = nullptr;                // the row's own
  std::unique_ptr<Accumulator> accumulator;  // else: what it was, for reading past it
  std::vector<const Part*> into;             // and those that are made of it
};

/// One result: read from a part, or computed from other results.
struct Output {
  std::string prefix;  // ,"name":
  Reading reading;     // empty when computed
  size_t offset = 0;
  std::optional<expr::Expression> computed;
};

}  // namespace plan_parts

struct AggregatePlan::Impl {
  using Part = plan_parts::Part;
  using Group = plan_parts::Group;
  using LoadStep = plan_parts::LoadStep;
  using Output = plan_parts::Output;

  std::vector<std::unique_ptr<Part>> parts;
  std::vector<std::unique_ptr<Group>> groups;  // the first has no condition
  std::vector<Output> outputs;
  std::vector<std::string> names;
  std::vector<size_t> computed_from;  // by slot of the results' FieldSet: the index of the output it reads
  std::vector<LoadStep> steps;        // when made for saved rows of other parts
  std::vector<std::string> begin_empty;
  size_t row_bytes = 0;
  size_t slots = 0;  // of the records' values
  bool computes = false;
  // What init(), destroy() and merge() go through for every row, side by side.
  std::vector<char> empty_row;  // rows may be moved with memcpy: so an empty one, which owns nothing, may be copied
  struct Placed {
    const Accumulator* accumulator;
    size_t offset;
  };
  std::vector<size_t> merged_counts;               // offsets of the states that are one count
  std::vector<Placed> merged;                      // the others
  std::vector<Placed> destroyed;                   // those that may own memory
  std::vector<DeferredAdditions::Place> deferred;  // those that take operands

  Status build(expr::AggregateList list, const FieldSet& fields, const std::vector<PlanPart>* saved);
  Status add_call(size_t i, expr::AggregateItem& item, const FieldSet& fields, const std::vector<std::string>& own,
                  std::vector<Aggregate>& made, const std::vector<PlanPart>* saved, Output& output);
  Status plan_loading(const std::vector<PlanPart>& saved);
  bool load_step(const LoadStep& step, char* row, StateReader& in) const;
  void lay_out();
  Status make_all(const expr::AggregateList& list, std::vector<Aggregate>& made) const;
  Part& part_of(std::string text, Aggregate& aggregate, expr::AggregateItem& item);
  Group& group_of(expr::AggregateItem& item);
  void append_computed(std::string& out, const char* row, Interval window, expr::Scratch& scratch) const;
};

}  // namespace streamutils::window
