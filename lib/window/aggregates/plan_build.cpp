// SPDX-License-Identifier: Apache-2.0
// Makes a plan of the calls of a list: which accumulators a row has, and from which of them each result is read.
#include <algorithm>
#include <cstring>

#include "lib/expr/lexer.hpp"
#include "lib/json/text.hpp"
#include "lib/window/aggregates/count.hpp"
#include "lib/window/aggregates/plan_impl.hpp"

namespace streamutils::window {

using plan_parts::Group;
using plan_parts::kNone;
using plan_parts::LoadStep;
using plan_parts::Output;
using plan_parts::Part;

namespace {

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
    if (part->slots.size() == 1 && part->accumulator->takes_operands()) {
      part->place = deferred.size();
      deferred.push_back({part->accumulator.get(), part->offset});
    }
  }
}

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

}  // namespace streamutils::window
