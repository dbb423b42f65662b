// SPDX-License-Identifier: Apache-2.0
#include "tools/sfilter/sfilter.hpp"

#include <algorithm>

#include "lib/base/text.hpp"
#include "lib/json/text.hpp"

namespace streamutils::sfilter {

namespace {

/// The names of "--select a,b": whole top-level fields.
Status split_names(std::string_view option, const std::vector<std::string>& lists, std::vector<std::string>& names) {
  for (const std::string& list : lists) {
    for (const std::string_view name : split_list(list)) {
      if (name.empty()) return usage_error("{}: '{}' has an empty field name", option, list);
      FieldSet path;
      STREAM_ASSIGN(const size_t slot, path.add(name));
      if (path.parts(slot).size() != 1) {
        return usage_error(
            "{}: '{}' is nested; whole fields are taken (--set 'x={}' lifts it up; a dot in a name is '\\.')", option,
            name, name);
      }
      names.push_back(path.parts(slot)[0]);
    }
  }
  return {};
}

std::string quoted(std::string_view name) {
  std::string out;
  append_json_string(out, name);
  return out;
}

/// A name as FieldSet::add() takes it.
std::string escape_dots(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '.' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Filter>> Filter::create(const Options& options, Context& context) {
  std::unique_ptr<Filter> filter(new Filter(context));
  STREAM_TRY(filter->configure(options));
  return filter;
}

Status Filter::configure(const Options& options) {
  if (!options.select.empty() && !options.drop.empty()) return usage_error("--select and --drop exclude each other");
  for (const std::string& text : options.require) STREAM_TRY(requirements_.add(text, fields_).at("--require"));
  if (options.where) {
    auto where = expr::Expression::compile(*options.where, fields_);
    if (!where.ok()) return where.take_status().at("--where");
    where_ = std::make_unique<expr::Expression>(*std::move(where));
  }
  for (const std::string& text : options.set) STREAM_TRY(add_assignment(text));
  std::vector<std::string> names;
  STREAM_TRY(split_names("--select", options.select, names));
  for (const std::string& name : names) {
    STREAM_ASSIGN(const size_t slot, fields_.add(escape_dots(name)));
    select_.push_back({slot, name, quoted(name)});
  }
  if (!select_.empty() && set_.empty()) {
    projection_.emplace();
    for (const Selected& field : select_) projection_->add(field.slot, field.quoted);
  }
  STREAM_TRY(split_names("--drop", options.drop, drop_));
  reader_.emplace(fields_, context_);
  parser_ = std::make_unique<RecordParser>(fields_);
  values_.resize(fields_.size());
  return {};
}

Status Filter::add_assignment(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view name = trim(text.substr(0, equals));
  if (equals == std::string_view::npos || name.empty() || text.substr(equals).starts_with("==")) {
    return usage_error("--set: '{}' is not of the form name=EXPRESSION", text);
  }
  auto value = expr::Expression::compile(text.substr(equals + 1), fields_);
  if (!value.ok()) return value.take_status().at(fmt::format("--set {}", name));
  if (assignment(name)) return usage_error("--set: '{}' is set twice", name);
  set_.push_back({std::string(name), quoted(name), *std::move(value)});
  return {};
}

const Filter::Assignment* Filter::assignment(std::string_view name) const {
  const auto found = std::find_if(set_.begin(), set_.end(), [&](const Assignment& a) { return a.name == name; });
  return found == set_.end() ? nullptr : &*found;
}

/// Does `field` (top level) leave as it came?
bool Filter::keeps(std::string_view field) const {
  if (assignment(field)) return false;
  if (std::find(drop_.begin(), drop_.end(), field) != drop_.end()) return false;
  return select_.empty() ||
         std::any_of(select_.begin(), select_.end(), [&](const Selected& s) { return s.name == field; });
}

Status Filter::on_open(Open& open, Output& out) {
  std::vector<std::string> needed;
  std::string time_field;
  if (open.time) {
    FieldSet parsed;
    const auto slot = parsed.add(open.time->field);
    time_field = slot.ok() ? parsed.parts(*slot)[0] : open.time->field;
    needed.push_back(time_field);
  }
  if (open.results) {
    for (const char* name : {"window_start", "window_end", "revision", "retracted"}) needed.emplace_back(name);
    needed.insert(needed.end(), open.keys.begin(), open.keys.end());
  }
  for (const std::string& field : needed) {
    if (keeps(field)) continue;
    return usage_error(
        "'{}' must stay as it is: {} (keep it in --select, out of --drop and --set, or filter before swatermark)",
        field,
        open.time && field == time_field ? fmt::format("it holds the event time ('{}')", open.time->field)
                                         : "it identifies window results");
  }
  return out.control(open);
}

Status Filter::on_records(const Batch& batch, Output& out) {
  kept_ = batch;
  rewritten_.clear(batch.unit);
  reader_->begin(batch);
  for (size_t i = 0; i < batch.size(); ++i) {
    const ParseError error = reader_->read(i, values_);
    const std::string_view problem = error != ParseError::none ? reason(error) : requirements_.check(values_);
    if (!problem.empty()) {
      STREAM_TRY(give(out));
      STREAM_TRY(take_out(batch, i, problem, out));
      continue;
    }
    scratch_.clear();
    if (where_ && !where_->matches(values_, scratch_)) continue;
    if (projection_) {
      keep(batch, i, projection_->write(values_));
    } else if (rewrites()) {
      rewrite(batch, i);
    } else {
      keep(batch, i, batch.records[i]);
    }
  }
  return give(out);
}

void Filter::keep(const Batch& batch, size_t i, Slice record) {
  kept_slices_.push_back(record);
  if (!batch.times.empty()) kept_times_.push_back(batch.times[i]);
  if (!batch.offsets.empty()) kept_offsets_.push_back(batch.offsets[i]);
  if (!batch.kafka_times.empty()) kept_kafka_times_.push_back(batch.kafka_times[i]);
  if (projection_ || !reader_->shares()) return;
  const auto row = reader_->row(i);
  kept_fields_.insert(kept_fields_.end(), row.begin(), row.end());
}

Status Filter::give(Output& out) {
  if (!rewritten_.empty()) {
    STREAM_TRY(out.records(rewritten_.batch()));
    rewritten_.clear(kept_.unit);
  }
  if (kept_slices_.empty()) return {};
  Batch kept{kept_.unit, kept_.bytes, kept_slices_, kept_times_, kept_offsets_, kept_kafka_times_};
  if (projection_) kept.bytes = projection_->data();
  if (!kept_fields_.empty()) {
    kept.fields = kept_fields_.data();
    kept.field_count = reader_->width();
  }
  Status status = out.records(kept);
  kept_slices_.clear();
  kept_times_.clear();
  kept_offsets_.clear();
  kept_kafka_times_.clear();
  kept_fields_.clear();
  if (projection_) projection_->clear();
  return status;
}

Status Filter::take_out(const Batch& batch, size_t i, std::string_view why, Output& out) {
  ++invalid_;
  SideRecord side{.label = "invalid", .reason = why, .unit = batch.unit, .offset = batch.offset(i)};
  if (!batch.times.empty()) side.time = EventTime{batch.times[i]};
  const std::string_view record = batch.record(i);
  side.record = record;
  return out.control(side);
}

void Filter::rewrite(const Batch& batch, size_t i) {
  std::string& text = rewritten_.text();
  text += '{';
  first_member_ = true;
  assigned_.assign(set_.size(), false);
  if (select_.empty()) {
    write_members(batch.record(i), text);
  } else {
    write_selected(text);
  }
  for (size_t s = 0; s < set_.size(); ++s) {
    if (assigned_[s]) continue;
    value_text_.clear();
    expr::append_json(value_text_, set_[s].value.evaluate(values_, scratch_));
    write_member(text, set_[s].quoted, value_text_);
  }
  text += '}';
  rewritten_.commit(batch.times.empty() ? nullptr : &batch.times[i],
                    batch.offsets.empty() ? nullptr : &batch.offsets[i],
                    batch.kafka_times.empty() ? nullptr : &batch.kafka_times[i]);
}

void Filter::write_selected(std::string& text) {
  for (const Selected& field : select_) {
    const JsonValue& value = values_[field.slot];
    if (value.type == JsonType::missing || assignment(field.name)) continue;
    write_member(text, field.quoted, value.raw);
  }
}

void Filter::write_members(std::string_view record, std::string& text) {
  parser_->parse_members(record, members_);  // the record was accepted before
  for (const RecordParser::Member& member : members_) {
    name_.clear();
    append_unescaped(name_, member.raw_key.substr(1, member.raw_key.size() - 2));
    if (std::find(drop_.begin(), drop_.end(), name_) != drop_.end()) continue;
    const Assignment* set = assignment(name_);
    if (!set) {
      write_member(text, member.raw_key, member.value.raw);
      continue;
    }
    const auto index = static_cast<size_t>(set - set_.data());
    if (assigned_[index]) continue;
    assigned_[index] = true;
    value_text_.clear();
    expr::append_json(value_text_, set->value.evaluate(values_, scratch_));
    write_member(text, member.raw_key, value_text_);
  }
}

void Filter::write_member(std::string& text, std::string_view quoted_name, std::string_view value) {
  if (!first_member_) text += ',';
  first_member_ = false;
  text += quoted_name;
  text += ':';
  text += value;
}

Status Filter::on_end(const End& item, Output& out) {
  if (invalid_ > 0) context_.log.info("sent to the side stream: invalid {}", invalid_);
  return out.control(item);
}

}  // namespace streamutils::sfilter
