// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/plan.hpp"

#include <algorithm>

#include "lib/json/text.hpp"
#include "lib/window/aggregates/count.hpp"
#include "lib/window/aggregates/registry.hpp"

namespace streamutils::window {

namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

/// One accumulator of the row.
struct Part {
  std::string text;  // "sum(latency_ms) where (status >= 500)": equal texts are one part
  std::unique_ptr<Accumulator> accumulator;
  size_t offset = 0;
  size_t slot = kNone;  // of the argument; none for count()
};

/// The parts that take a record under one condition.
struct Group {
  std::optional<expr::Expression> where;  // empty: always
  std::string text;
  std::vector<size_t> counts;      // offsets of the states of count()
  std::vector<const Part*> parts;  // the others
};

/// One result: read from a part, or computed from other results.
struct Output {
  std::string prefix;  // ,"name":
  Reading reading;     // empty when computed
  size_t offset = 0;
  std::optional<expr::Expression> computed;
};

/// A result's text as the value that expressions read.
JsonValue value_of(std::string_view text) {
  JsonValue value{JsonType::number, false, text};
  switch (text.front()) {
    case '"':
      value.type = JsonType::string;
      value.escaped = text.find('\\') != std::string_view::npos;
      break;
    case 'n':
      value.type = JsonType::null;
      break;
    case 't':
    case 'f':
      value.type = JsonType::boolean;
      break;
    case '[':
      value.type = JsonType::array;
      break;
    case '{':
      value.type = JsonType::object;
      break;
    default:
      break;
  }
  return value;
}

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
std::string call_text(const expr::AggregateItem& item, const FieldSet& fields) {
  std::string text = "(";
  if (item.field) text += field_text(fields, *item.field);
  text += ')';
  if (item.where) text.append(" where (").append(item.where->text()).append(")");
  return text;
}

}  // namespace

struct AggregatePlan::Impl {
  std::vector<std::unique_ptr<Part>> parts;
  std::vector<std::unique_ptr<Group>> groups;  // the first has no condition
  std::vector<Output> outputs;
  std::vector<std::string> names;
  std::vector<size_t> computed_from;  // by slot of the results' FieldSet: the index of the output it reads
  size_t row_bytes = 0;
  bool computes = false;

  Status build(expr::AggregateList list, const FieldSet& fields);
  Status make_all(const expr::AggregateList& list, std::vector<Aggregate>& made) const;
  Part& part_of(std::string text, Aggregate& aggregate, expr::AggregateItem& item);
  Group& group_of(expr::AggregateItem& item);
  void append_computed(std::string& out, const char* row, expr::Scratch& scratch) const;
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

Status AggregatePlan::Impl::build(expr::AggregateList list, const FieldSet& fields) {
  std::vector<Aggregate> made;
  STREAM_TRY(make_all(list, made));
  // The texts of the parts that are there in any case: a result that such a part holds too is read from it.
  std::vector<std::string> own;
  for (size_t i = 0; i < made.size(); ++i) {
    const bool call = made[i].accumulator != nullptr;
    own.push_back(call ? std::string(made[i].result.state) + call_text(list.items[i], fields) : "");
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
      std::string text = own[i];
      output.reading = std::move(made[i].result.reading);
      size_t source = i;
      for (StateReading& other : made[i].also_from) {
        std::string other_text = std::string(other.state) + call_text(item, fields);
        const auto found = std::find(own.begin(), own.end(), other_text);
        if (found == own.end()) continue;
        source = static_cast<size_t>(found - own.begin());
        output.reading = std::move(other.reading);
        text = std::move(other_text);
        break;
      }
      output.offset = part_of(std::move(text), made[source], item).offset;
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

/// The part with this text, made from `aggregate` when it is new; `item` is a call of the same field and condition.
Part& AggregatePlan::Impl::part_of(std::string text, Aggregate& aggregate, expr::AggregateItem& item) {
  for (const auto& part : parts) {
    if (part->text == text) return *part;
  }
  auto part = std::make_unique<Part>();
  part->text = std::move(text);
  part->offset = row_bytes;
  part->slot = item.field.value_or(kNone);
  part->accumulator = std::move(aggregate.accumulator);
  row_bytes += part->accumulator->size();
  Group& group = group_of(item);
  if (part->slot == kNone) {
    group.counts.push_back(part->offset);
  } else {
    group.parts.push_back(part.get());
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
  STREAM_TRY(impl->build(std::move(list), fields));
  AggregatePlan plan(std::move(impl));
  const Impl& built = *plan.impl_;
  plan.only_count_ = built.parts.size() == 1 && built.groups.front()->counts.size() == 1;
  plan.checks_ =
      std::any_of(built.parts.begin(), built.parts.end(), [](const auto& part) { return part->accumulator->checks(); });
  return plan;
}

size_t AggregatePlan::row_bytes() const { return impl_->row_bytes; }

void AggregatePlan::init(char* row) const {
  for (const auto& part : impl_->parts) part->accumulator->init(row + part->offset);
}

void AggregatePlan::destroy(char* row) const {
  for (const auto& part : impl_->parts) part->accumulator->destroy(row + part->offset);
}

std::string_view AggregatePlan::check_values(std::span<const JsonValue> values, expr::Scratch& scratch) const {
  for (const auto& group : impl_->groups) {
    for (const Part* part : group->parts) {
      const JsonValue& value = values[part->slot];
      if (value.type <= JsonType::null || !part->accumulator->checks()) continue;
      const std::string_view reason = part->accumulator->check(value);
      if (reason.empty()) continue;
      // Only now does the condition matter, so good records do not pay for it twice.
      const size_t mark = scratch.mark();
      const bool counts = !group->where || group->where->matches(values, scratch);
      scratch.release(mark);
      if (counts) return reason;
      break;
    }
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
      if (value.type > JsonType::null) part->accumulator->add(row + part->offset, value, time, scratch);
    }
  }
  scratch.release(mark);
}

void AggregatePlan::merge(char* row, const char* other) const {
  for (const auto& part : impl_->parts) part->accumulator->merge(row + part->offset, other + part->offset);
}

void AggregatePlan::append_results(std::string& out, const char* row, expr::Scratch& scratch) const {
  if (impl_->computes) return impl_->append_computed(out, row, scratch);
  for (const Output& output : impl_->outputs) {
    out += output.prefix;
    output.reading(out, row + output.offset);
  }
}

void AggregatePlan::Impl::append_computed(std::string& out, const char* row, expr::Scratch& scratch) const {
  const size_t mark = scratch.mark();
  std::vector<const std::string*> texts;
  for (const Output& output : outputs) {
    std::string& text = scratch.next();
    if (output.reading) output.reading(text, row + output.offset);
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
  return std::all_of(impl_->parts.begin(), impl_->parts.end(),
                     [&](const auto& part) { return part->accumulator->load(row + part->offset, in); }) &&
         in.ok();
}

std::string AggregatePlan::fingerprint() const {
  std::string text;
  for (const auto& part : impl_->parts) text.append(text.empty() ? "" : ";").append(part->text);
  return text;
}

}  // namespace streamutils::window
