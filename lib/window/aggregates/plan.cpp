// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/plan.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/expr/lexer.hpp"
#include "lib/json/text.hpp"
#include "lib/window/aggregates/canonical.hpp"
#include "lib/window/aggregates/count.hpp"
#include "lib/window/aggregates/registry.hpp"

namespace streamutils::window {

namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

/// One accumulator of the row.
struct Part {
  std::string text;  // "sum(latency_ms) where (status >= 500)": equal texts are one part
  std::string call;  // an aggregate that has it
  std::unique_ptr<Accumulator> accumulator;
  size_t offset = 0;
  std::vector<size_t> slots;  // of the fields; none for count()
  size_t slot = kNone;        // of the first
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

using Tuple = std::array<JsonValue, expr::kMaxCallFields>;

/// False when one is null or missing.
bool gather(const Part& part, std::span<const JsonValue> values, Tuple& tuple) {
  for (size_t i = 0; i < part.slots.size(); ++i) {
    tuple[i] = values[part.slots[i]];
    if (tuple[i].type <= JsonType::null) return false;
  }
  return true;
}

/// The reason why one of the parts cannot take a record, whatever the condition says.
std::string_view Group::check(std::span<const JsonValue> values) const {
  for (const Check& check : checks) {
    const JsonValue& value = values[check.slot];
    if (value.type <= JsonType::null) continue;
    const std::string_view reason = check.accumulator->check(&value);
    if (!reason.empty()) return reason;
  }
  if (tuples.empty()) return {};
  Tuple tuple;
  for (const Part* part : tuples) {
    if (!part->accumulator->checks() || !gather(*part, values, tuple)) continue;
    const std::string_view reason = part->accumulator->check(tuple.data());
    if (!reason.empty()) return reason;
  }
  return {};
}

void Group::add_tuples(char* row, std::span<const JsonValue> values, EventTime time, expr::Scratch& scratch) const {
  Tuple tuple;
  for (const Part* part : tuples) {
    if (gather(*part, values, tuple)) part->accumulator->add(row + part->offset, tuple.data(), time, scratch);
  }
}

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

/// A field's path in a fingerprint; quoted where it could be taken for something else.
std::string field_text(const FieldSet& fields, size_t slot) {
  std::string text = fields.text(slot);
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
  if (plain) return text;
  std::string quoted;
  append_json_string(quoted, text);
  return quoted;
}

/// What stands behind the kind in a part's text.
std::string call_text(const expr::AggregateItem& item, const FieldSet& fields, std::string_view shape) {
  std::string text = "(";
  for (const size_t slot : item.fields) text.append(text.size() > 1 ? ", " : "").append(field_text(fields, slot));
  text.append(shape).append(")");
  if (item.where) text.append(" where (").append(item.where->text()).append(")");
  return text;
}

/// What the list says of a call: "stddev(x) where (k > 1)".
std::string source_text(const expr::AggregateItem& item, const FieldSet& fields) {
  std::string text = item.function + '(';
  for (const size_t slot : item.fields) {
    text.append(text.back() == '(' ? "" : ", ").append(expr::path_text(fields.parts(slot)));
  }
  for (const std::string& argument : item.arguments) {
    text += ", ";
    append_json_string(text, argument);
  }
  text += ')';
  if (item.where) text.append(" where (").append(item.where->text()).append(")");
  return text;
}

bool has_part(const std::vector<PlanPart>& saved, std::string_view text) {
  return std::any_of(saved.begin(), saved.end(), [text](const PlanPart& part) { return part.text == text; });
}

/// An accumulator that no result of this plan has any more.
Result<std::unique_ptr<Accumulator>> accumulator_of(const PlanPart& part) {
  STREAM_ASSIGN(NamedAccumulator made, make_accumulator(part.call));
  if (made.text != part.text) return failed("'{}' is not '{}'", part.call, part.text);
  return std::move(made.accumulator);
}

}  // namespace

Result<NamedAccumulator> make_accumulator(const std::string& call) {
  FieldSet fields;
  auto list = expr::parse_aggregates(call, fields);
  if (!list.ok()) return list.take_status();
  if (list->items.size() != 1 || list->items.front().over_results) return failed("'{}' is no aggregate", call);
  const expr::AggregateItem& item = list->items.front();
  STREAM_ASSIGN(Aggregate made, make_named_aggregate(item));
  return NamedAccumulator{std::string(made.result.state) + call_text(item, fields, made.shape),
                          std::move(made.accumulator)};
}

struct AggregatePlan::Impl {
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
  std::vector<size_t> merged_counts;  // offsets of the states that are one count
  std::vector<Placed> merged;         // the others
  std::vector<Placed> destroyed;      // those that may own memory

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

Status AggregatePlan::Impl::make_all(const expr::AggregateList& list, std::vector<Aggregate>& made) const {
  for (const expr::AggregateItem& item : list.items) {
    if (item.over_results) {
      made.emplace_back();
      continue;
    }
    Result<Aggregate> aggregate = make_named_aggregate(item);
    if (!aggregate.ok()) return aggregate.take_status().at(fmt::format("column {}", item.column));
    made.push_back(*std::move(aggregate));
  }
  return {};
}

Status AggregatePlan::Impl::build(expr::AggregateList list, const FieldSet& fields,
                                  const std::vector<PlanPart>* saved) {
  slots = fields.size();
  std::vector<Aggregate> made;
  STREAM_TRY(make_all(list, made));
  // The texts of the parts that are there in any case: a result that such a part holds too is read from it.
  std::vector<std::string> own;
  for (size_t i = 0; i < made.size(); ++i) {
    const bool call = made[i].accumulator != nullptr;
    own.push_back(call ? std::string(made[i].result.state) + call_text(list.items[i], fields, made[i].shape) : "");
  }
  groups.push_back(std::make_unique<Group>());
  for (size_t i = 0; i < made.size(); ++i) {
    expr::AggregateItem& item = list.items[i];
    Output output;
    output.prefix += ',';
    append_json_string(output.prefix, item.name);
    output.prefix += ':';
    names.push_back(item.name);
    if (item.over_results) {
      output.computed = std::move(item.over_results);
      computes = true;
    } else {
      STREAM_TRY(add_call(i, item, fields, own, made, saved, output));
    }
    outputs.push_back(std::move(output));
  }
  for (size_t slot = 0; slot < list.results.size(); ++slot) {
    const auto found = std::find(names.begin(), names.end(), list.results.parts(slot).front());
    if (found == names.end()) return usage_error("no result '{}'", list.results.text(slot));
    computed_from.push_back(static_cast<size_t>(found - names.begin()));
  }
  return {};
}

/// Chooses the part that the call of list.items[i] is read from.
Status AggregatePlan::Impl::add_call(size_t i, expr::AggregateItem& item, const FieldSet& fields,
                                     const std::vector<std::string>& own, std::vector<Aggregate>& made,
                                     const std::vector<PlanPart>* saved, Output& output) {
  const std::string behind = call_text(item, fields, made[i].shape);
  const auto in_list = [&](const std::string& text) { return std::find(own.begin(), own.end(), text) != own.end(); };
  const auto is_saved = [&](const std::string& text) { return saved && has_part(*saved, text); };
  StateReading* shared = nullptr;  // the part of another kind that it is read from
  StateReading* source = nullptr;  // the saved part that its own is made from
  if (!is_saved(own[i])) {         // else what a shared part would be is new, and lacks what its own has
    StateReading* held = nullptr;
    for (StateReading& other : made[i].also_from) {
      const std::string text = std::string(other.state) + behind;
      // The last, being the smallest, is the oldest: it was kept apart from those that came after it.
      if (is_saved(text)) held = &other;
      if (in_list(text) && !shared) shared = &other;
    }
    if (held && in_list(std::string(held->state) + behind)) {
      shared = held;
    } else if (held) {
      source = held;
      shared = nullptr;
    }
  }
  const std::string text = shared ? std::string(shared->state) + behind : own[i];
  const auto from = static_cast<size_t>(std::find(own.begin(), own.end(), text) - own.begin());
  if (saved && !source && !is_saved(text)) begin_empty.push_back(item.name);
  output.reading = std::move(shared ? shared->reading : made[i].result.reading);
  const std::string call = source_text(item, fields);
  Part& part = part_of(text, made[from], item);
  if (part.call.empty() && !shared) part.call = call;
  if (source) {
    part.from = std::string(source->state) + behind;
    part.convert = source->convert;
  }
  output.offset = part.offset;
  return {};
}

/// The part with this text, made from `aggregate` when it is new; `item` is a call of the same fields and condition.
Part& AggregatePlan::Impl::part_of(std::string text, Aggregate& aggregate, expr::AggregateItem& item) {
  for (const auto& part : parts) {
    if (part->text == text) return *part;
  }
  auto part = std::make_unique<Part>();
  part->text = std::move(text);
  part->offset = row_bytes;
  part->slots = item.fields;
  part->slot = part->slots.empty() ? kNone : part->slots.front();
  part->accumulator = std::move(aggregate.accumulator);
  const std::string behind = part->text.substr(aggregate.result.state.size());
  for (const StateReading& other : aggregate.also_from) {
    part->sources.push_back({std::string(other.state) + behind, other.convert});
  }
  row_bytes += part->accumulator->size();
  Group& group = group_of(item);
  if (part->slots.empty()) {
    group.counts.push_back(part->offset);
  } else {
    (part->slots.size() == 1 ? group.parts : group.tuples).push_back(part.get());
    if (part->slots.size() == 1 && part->accumulator->checks()) {
      group.checks.push_back({part->accumulator.get(), part->slot});
    }
  }
  parts.push_back(std::move(part));
  return *parts.back();
}

Group& AggregatePlan::Impl::group_of(expr::AggregateItem& item) {
  if (!item.where) return *groups.front();
  std::string text = item.where->text();
  for (const auto& group : groups) {
    if (group->where && group->text == text) return *group;
  }
  auto group = std::make_unique<Group>();
  group->text = std::move(text);
  group->where = std::move(item.where);
  groups.push_back(std::move(group));
  return *groups.back();
}

AggregatePlan::AggregatePlan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AggregatePlan::~AggregatePlan() = default;
AggregatePlan::AggregatePlan(AggregatePlan&&) noexcept = default;
AggregatePlan& AggregatePlan::operator=(AggregatePlan&&) noexcept = default;

Result<AggregatePlan> AggregatePlan::create(expr::AggregateList list, const FieldSet& fields) {
  auto impl = std::make_unique<Impl>();
  STREAM_TRY(impl->build(std::move(list), fields, nullptr));
  return create(std::move(impl));
}

Result<AggregatePlan> AggregatePlan::create(expr::AggregateList list, const FieldSet& fields,
                                            const std::vector<PlanPart>& saved) {
  auto impl = std::make_unique<Impl>();
  STREAM_TRY(impl->build(std::move(list), fields, &saved));
  STREAM_TRY(impl->plan_loading(saved));
  return create(std::move(impl));
}

AggregatePlan AggregatePlan::create(std::unique_ptr<Impl> impl) {
  AggregatePlan plan(std::move(impl));
  const Impl& built = *plan.impl_;
  plan.only_count_ = built.parts.size() == 1 && built.groups.front()->counts.size() == 1;
  plan.impl_->lay_out();
  plan.checks_ =
      std::any_of(built.parts.begin(), built.parts.end(), [](const auto& part) { return part->accumulator->checks(); });
  return plan;
}

size_t AggregatePlan::row_bytes() const { return impl_->row_bytes; }

void AggregatePlan::Impl::lay_out() {
  empty_row.resize(row_bytes);
  for (const auto& part : parts) {
    part->accumulator->init(empty_row.data() + part->offset);
    const Placed placed{part->accumulator.get(), part->offset};
    if (dynamic_cast<const StateAccumulator<CountState>*>(part->accumulator.get()) != nullptr) {
      merged_counts.push_back(part->offset);
    } else {
      merged.push_back(placed);
    }
    if (part->accumulator->can_own()) destroyed.push_back(placed);
  }
}

void AggregatePlan::init(char* row) const { std::memcpy(row, impl_->empty_row.data(), impl_->row_bytes); }

void AggregatePlan::destroy(char* row) const {
  for (const auto& part : impl_->destroyed) part.accumulator->destroy(row + part.offset);
}

std::string_view AggregatePlan::check_values(std::span<const JsonValue> values, expr::Scratch& scratch) const {
  for (const auto& group : impl_->groups) {
    const std::string_view reason = group->check(values);
    if (reason.empty()) continue;
    // Only now does the condition matter, so good records do not pay for it twice.
    const size_t mark = scratch.mark();
    const bool counts = !group->where || group->where->matches(values, scratch);
    scratch.release(mark);
    if (counts) return reason;
  }
  return {};
}

void AggregatePlan::add_values(char* row, std::span<const JsonValue> values, EventTime time,
                               expr::Scratch& scratch) const {
  const size_t mark = scratch.mark();
  for (const auto& group : impl_->groups) {
    if (group->where && !group->where->matches(values, scratch)) continue;
    for (const size_t offset : group->counts) ++StateAccumulator<CountState>::at(row + offset).n;
    for (const Part* part : group->parts) {
      const JsonValue& value = values[part->slot];
      if (value.type > JsonType::null) part->accumulator->add(row + part->offset, &value, time, scratch);
    }
    if (!group->tuples.empty()) group->add_tuples(row, values, time, scratch);
  }
  scratch.release(mark);
}

void AggregatePlan::add(std::span<const Addition> all, expr::Scratch& scratch) const {
  if (only_count_) {
    for (const Addition& one : all) ++*reinterpret_cast<uint64_t*>(one.row);
    return;
  }
  const size_t mark = scratch.mark();
  std::array<Addition, kMostAdditions> meeting;  // a condition
  for (const auto& group : impl_->groups) {
    std::span<const Addition> taken = all;
    if (group->where) {
      size_t count = 0;
      for (const Addition& one : all) {
        if (group->where->matches({one.values, impl_->slots}, scratch)) meeting[count++] = one;
        scratch.release(mark);
      }
      taken = std::span(meeting).first(count);
    }
    for (const size_t offset : group->counts) {
      for (const Addition& one : taken) ++StateAccumulator<CountState>::at(one.row + offset).n;
    }
    for (const Part* part : group->parts) part->accumulator->add_each(taken, part->offset, part->slot, scratch);
    if (group->tuples.empty()) continue;
    for (const Addition& one : taken) {
      group->add_tuples(one.row, {one.values, impl_->slots}, one.time, scratch);
      scratch.release(mark);
    }
  }
}

void AggregatePlan::merge(char* row, const char* other) const {
  for (const size_t at : impl_->merged_counts) {
    StateAccumulator<CountState>::at(row + at).merge(StateAccumulator<CountState>::at(other + at));
  }
  for (const auto& part : impl_->merged) part.accumulator->merge(row + part.offset, other + part.offset);
}

void AggregatePlan::append_results(std::string& out, const char* row, Interval window, expr::Scratch& scratch) const {
  if (impl_->computes) return impl_->append_computed(out, row, window, scratch);
  for (const Output& output : impl_->outputs) {
    out += output.prefix;
    output.reading(out, row + output.offset, window);
  }
}

void AggregatePlan::Impl::append_computed(std::string& out, const char* row, Interval window,
                                          expr::Scratch& scratch) const {
  const size_t mark = scratch.mark();
  std::vector<const std::string*> texts;
  for (const Output& output : outputs) {
    std::string& text = scratch.next();
    if (output.reading) output.reading(text, row + output.offset, window);
    texts.push_back(&text);
  }
  std::vector<JsonValue> values;
  for (const size_t index : computed_from) values.push_back(value_of(*texts[index]));
  for (size_t i = 0; i < outputs.size(); ++i) {
    out += outputs[i].prefix;
    if (outputs[i].computed) {
      expr::append_json(out, outputs[i].computed->evaluate(values, scratch));
    } else {
      out += *texts[i];
    }
  }
  scratch.release(mark);
}

const std::vector<std::string>& AggregatePlan::names() const { return impl_->names; }

size_t AggregatePlan::extra_bytes(const char* row) const {
  size_t bytes = 0;
  for (const auto& part : impl_->parts) bytes += part->accumulator->extra_bytes(row + part->offset);
  return bytes;
}

void AggregatePlan::save(const char* row, StateWriter& out) const {
  for (const auto& part : impl_->parts) part->accumulator->save(row + part->offset, out);
}

bool AggregatePlan::load(char* row, StateReader& in) const {
  if (!impl_->steps.empty()) {
    return std::all_of(impl_->steps.begin(), impl_->steps.end(),
                       [&](const LoadStep& step) { return impl_->load_step(step, row, in); }) &&
           in.ok();
  }
  return std::all_of(impl_->parts.begin(), impl_->parts.end(),
                     [&](const auto& part) { return part->accumulator->load(row + part->offset, in); }) &&
         in.ok();
}

std::vector<PlanPart> AggregatePlan::parts() const {
  std::vector<PlanPart> parts;
  for (const auto& part : impl_->parts) parts.push_back({part->text, part->call});
  return parts;
}

std::vector<RowPart> AggregatePlan::row_parts() const {
  std::vector<RowPart> parts;
  for (const auto& part : impl_->parts) {
    parts.push_back({part->text, part->accumulator.get(), part->offset, part->sources});
  }
  return parts;
}

const std::vector<std::string>& AggregatePlan::begin_empty() const { return impl_->begin_empty; }

Status AggregatePlan::Impl::plan_loading(const std::vector<PlanPart>& saved) {
  // A row of a plan has at least one part: without, a few bytes could ask for any number of rows.
  if (saved.empty() || saved.size() > kMaxPlanParts) return failed("{} accumulators in a row", saved.size());
  for (size_t i = 0; i < saved.size(); ++i) {
    const PlanPart& wanted = saved[i];
    if (std::any_of(saved.begin(), saved.begin() + static_cast<ptrdiff_t>(i),
                    [&](const PlanPart& other) { return other.text == wanted.text; })) {
      return failed("'{}' twice", wanted.text);
    }
    LoadStep step;
    for (const auto& part : parts) {
      if (part->text == wanted.text) step.part = part.get();
      if (part->from == wanted.text) step.into.push_back(part.get());
    }
    if (!step.part) {
      STREAM_ASSIGN(step.accumulator, accumulator_of(wanted));
    }
    steps.push_back(std::move(step));
  }
  return {};
}

bool AggregatePlan::Impl::load_step(const LoadStep& step, char* row, StateReader& in) const {
  if (step.part) return step.part->accumulator->load(row + step.part->offset, in);
  const Accumulator& accumulator = *step.accumulator;
  const auto memory = std::make_unique<uint64_t[]>(accumulator.size() / sizeof(uint64_t));
  char* const state = reinterpret_cast<char*>(memory.get());
  accumulator.init(state);
  const bool good = accumulator.load(state, in);
  if (good) {
    for (const Part* part : step.into) part->convert(row + part->offset, state);
  }
  accumulator.destroy(state);
  return good;
}

std::string AggregatePlan::fingerprint() const {
  std::string text;
  for (const auto& part : impl_->parts) text.append(text.empty() ? "" : ";").append(part->text);
  return text;
}

}  // namespace streamutils::window
