// SPDX-License-Identifier: Apache-2.0
// Runs a plan on rows.
#include "lib/window/aggregates/plan.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/window/aggregates/canonical.hpp"
#include "lib/window/aggregates/count.hpp"
#include "lib/window/aggregates/plan_impl.hpp"

namespace streamutils::window {

using plan_parts::Group;
using plan_parts::kNone;
using plan_parts::LoadStep;
using plan_parts::Output;
using plan_parts::Part;

namespace {

using Tuple = std::array<JsonValue, expr::kMaxCallFields>;

/// False when one is null or missing.
bool gather(const Part& part, std::span<const JsonValue> values, Tuple& tuple) {
  for (size_t i = 0; i < part.slots.size(); ++i) {
    tuple[i] = values[part.slots[i]];
    if (tuple[i].type <= JsonType::null) return false;
  }
  return true;
}

}  // namespace

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

AggregatePlan::AggregatePlan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AggregatePlan::~AggregatePlan() = default;
AggregatePlan::AggregatePlan(AggregatePlan&&) noexcept = default;
AggregatePlan& AggregatePlan::operator=(AggregatePlan&&) noexcept = default;

size_t AggregatePlan::row_bytes() const { return impl_->row_bytes; }

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

std::unique_ptr<DeferredAdditions> AggregatePlan::defer(Workers* workers) const {
  if (!workers || workers->threads() == 1 || impl_->deferred.empty()) return nullptr;
  return std::make_unique<DeferredAdditions>(*workers, impl_->deferred);
}

void AggregatePlan::add(std::span<const Addition> all, expr::Scratch& scratch, DeferredAdditions* deferred) const {
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
    for (const Part* part : group->parts) {
      if (!deferred || part->place == kNone) {
        part->accumulator->add_each(taken, part->offset, part->slot, scratch);
        continue;
      }
      for (const Addition& one : taken) {
        const JsonValue& value = one.values[part->slot];
        if (value.type <= JsonType::null) continue;
        deferred->add(part->place, one.row, part->accumulator->operand(value, scratch));
        scratch.release(mark);
      }
    }
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
