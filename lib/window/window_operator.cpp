// SPDX-License-Identifier: Apache-2.0
#include "lib/window/window_operator.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "lib/window/figures.hpp"

namespace streamutils::window {

namespace {

TimeUnit unit_of(TimeFormat format) {
  switch (format) {
    case TimeFormat::iso:
      return TimeUnit::iso;
    case TimeFormat::s:
      return TimeUnit::s;
    case TimeFormat::ms:
      return TimeUnit::ms;
    case TimeFormat::us:
      return TimeUnit::us;
  }
  return TimeUnit::iso;
}

/// A result field's name as a path: its dots are its own.
std::string path_of(std::string_view name) {
  std::string path;
  for (const char c : name) {
    if (c == '.') path += '\\';
    path += c;
  }
  return path;
}

}  // namespace

Result<WindowOperator::Compiled> WindowOperator::compile(const WindowSettings& settings,
                                                         const std::vector<PlanPart>* saved) {
  STREAM_TRY(check(settings));
  FieldSet fields;
  std::vector<size_t> slots;
  std::vector<std::string> names;
  for (const std::string& key : settings.keys) {
    auto slot = fields.add(key);
    if (!slot.ok()) return std::move(slot.take_status()).at("--key");
    std::string name;
    for (const std::string& part : fields.parts(*slot)) name += name.empty() ? part : '.' + part;
    if (is_result_field(settings, name))
      return usage_error("--key: '{}' is a field that every result has; rename it before with sfilter --set", name);
    if (std::find(names.begin(), names.end(), name) != names.end())
      return usage_error("--key: '{}' is given twice", name);
    slots.push_back(*slot);
    names.push_back(std::move(name));
  }
  std::optional<expr::Expression> where;
  std::string where_text;
  if (!settings.where.empty()) {
    auto expression = expr::Expression::compile(settings.where, fields);
    if (!expression.ok()) return std::move(expression.take_status()).at("--where");
    where = *std::move(expression);
    where_text = where->text();
  }
  size_t partial_slot = 0;
  FieldSet inside;  // with --merge the fields of --agg are inside of the partials
  if (settings.merge) {
    STREAM_ASSIGN(partial_slot, fields.add(kPartialField));
  }
  FieldSet& aggregated = settings.merge ? inside : fields;
  auto list = expr::parse_aggregates(settings.aggregates, aggregated);
  if (!list.ok()) return std::move(list.take_status()).at("--agg");
  auto plan = saved ? AggregatePlan::create(*std::move(list), aggregated, *saved)
                    : AggregatePlan::create(*std::move(list), aggregated);
  if (!plan.ok()) return std::move(plan.take_status()).at("--agg");
  for (const std::string& name : plan->names()) {
    if (is_result_field(settings, name))
      return usage_error("--agg: '{}' is a field that every result has; choose another name", name);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return usage_error("--agg: '{}' is a key field too; choose another name", name);
    }
  }
  STREAM_ASSIGN(ResultShape shape, ResultShape::create(settings, names, plan->names()));
  std::string having_text = shape.having ? shape.having->text() : "";
  return Compiled{std::move(fields),     std::move(slots), partial_slot,           std::move(names), std::move(where),
                  std::move(where_text), *std::move(plan), std::move(having_text), std::move(shape)};
}

Result<std::unique_ptr<WindowOperator>> WindowOperator::create(WindowSettings settings, Context& context) {
  STREAM_ASSIGN(Compiled compiled, compile(settings));
  return std::unique_ptr<WindowOperator>(new WindowOperator(std::move(settings), std::move(compiled), context));
}

WindowOperator::WindowOperator(WindowSettings settings, Compiled compiled, Context& context)
    : settings_(std::move(settings)),
      compiled_(std::move(compiled)),
      context_(context),
      key_reader_(compiled_.key_slots),
      results_(compiled_.plan, compiled_.key_names, std::move(compiled_.shape)),
      rows_(compiled_.plan),
      shared_{settings_, compiled_.plan, *rows_, results_},
      reader_(compiled_.fields, context),
      figures_(std::make_unique<Figures>(context.metrics)) {
  shared_.workers = context.workers;
  if (settings_.merge) partials_.emplace(compiled_.plan);
}

WindowOperator::~WindowOperator() = default;

Status WindowOperator::on_open(Open& open, Output& out) {
  if (!open.time) {
    // No wrong order of programs, which a supervisor would not start again: nobody knows yet what the input was to be.
    if (open.empty_input) return failed("the input is empty: the program before this one wrote nothing");
    return usage_error("the input has no event times: put 'swatermark --time FIELD' before swindow");
  }
  time_ = *open.time;
  timed_fields_ = compiled_.fields;
  STREAM_ASSIGN(time_slot_, timed_fields_.add(time_.field));
  values_.resize(kBlock * timed_fields_.size());
  timed_reader_.emplace(timed_fields_, context_);
  if (settings_.early && !next_early_) next_early_ = context_.clock.mono() + *settings_.early;

  if (settings_.kind == WindowKind::global) {
    open.time.reset();
  } else {
    open.time = TimeField{"window_end", unit_of(settings_.time_format), Duration{-1}};
  }
  open.keys.clear();
  for (const std::string& name : compiled_.key_names) open.keys.push_back(path_of(name));
  if (settings_.kind == WindowKind::count) open.keys.emplace_back("window_number");  // the bounds alone may be equal
  open.results = !settings_.partial;                                                 // a partial replaces no other
  open.lateness.us = add_saturating(EventTime{open.lateness.us}, settings_.allowed_lateness).us;
  return out.control(open);
}

WindowSet& WindowOperator::set_of(UnitId unit) {
  unit = result_unit(unit);
  if (unit >= sets_.size()) sets_.resize(unit + 1);
  if (!sets_[unit]) sets_[unit] = WindowSet::create(shared_);
  return *sets_[unit];
}

Status WindowOperator::on_records(const Batch& batch, Output& out) {
  STREAM_TRY(check_assigned());
  if (!by_unit()) minimum_.add(batch.unit);
  WindowSet& set = set_of(batch.unit);
  results_.begin(out, result_unit(batch.unit));
  FieldReader& reader = batch.times.empty() ? *timed_reader_ : reader_;
  reader.begin(batch);
  reader.read_all();
  for (size_t i = 0; i < batch.size(); i += kBlock) STREAM_TRY(add_block(batch, i, reader, set, out));
  STREAM_TRY(results_.flush());
  update_figures();
  return {};
}

Status WindowOperator::add_block(const Batch& batch, size_t first, FieldReader& reader, WindowSet& set, Output& out) {
  const size_t end = std::min(batch.size(), first + kBlock);
  const size_t width = reader.size();
  size_t count = 0;
  for (size_t i = first; i < end; ++i) {
    Chosen& chosen = chosen_[count];
    const std::span<JsonValue> room(values_.data() + count * width, width);
    chosen.index = i;
    chosen.error = reader.error(i);
    chosen.values = room;
    bool wanted = true;
    if (chosen.error == ParseError::none) {
      chosen.values = reader.values(i, room);
      wanted = !compiled_.where || is_wanted(chosen.values);
    }
    count += static_cast<size_t>(wanted);  // no branch: nothing tells beforehand which way it would go
  }
  figures_->dropped += end - first - count;
  for (size_t place = 0; place < count; ++place) prepare(batch, place);
  if (!partials_) set.expect(std::span(records_).first(count));
  for (size_t place = 0; place < count; ++place) {
    const Chosen& chosen = chosen_[place];
    const KeyedRecord& record = records_[place];
    std::string_view why = chosen.invalid;
    scratch_.clear();
    if (partials_ && why.empty()) {
      STREAM_TRY(add_partial(batch, chosen.index, record, set, out));
      continue;
    }
    if (why.empty()) why = compiled_.plan.check(record.values, scratch_);
    if (!why.empty()) {
      STREAM_TRY(divert(batch, chosen.index, "invalid", why, set, out, chosen.time));
    } else {
      STREAM_TRY(this->place(batch, chosen.index, record, set, out));
    }
  }
  scratch_.clear();
  set.settle(scratch_);
  return {};
}

bool WindowOperator::is_wanted(std::span<const JsonValue> values) {
  scratch_.clear();
  return compiled_.where->matches(values, scratch_);
}

void WindowOperator::prepare(const Batch& batch, size_t place) {
  Chosen& chosen = chosen_[place];
  KeyedRecord& record = records_[place];
  chosen.invalid = {};
  chosen.time = {};
  record = {.values = chosen.values};
  if (chosen.error != ParseError::none) {
    chosen.invalid = reason(chosen.error);
    return;
  }
  if (partials_) return;  // their times are in the partials, which are read when their turn comes
  chosen.time = time_of(batch, chosen.index, chosen.values);
  if (!chosen.time) {
    chosen.invalid = "bad_time";
    return;
  }
  record.time = chosen.time->us;
  chosen.invalid = key_reader_.read(chosen.values, key_texts_[place], record.key);
}

Status WindowOperator::place(const Batch& batch, size_t i, const KeyedRecord& record, WindowSet& set, Output& out) {
  const EventTime time{record.time};
  Interval last_window;
  switch (set.add(record, scratch_, last_window)) {
    case WindowSet::Added::yes:
      return {};
    case WindowSet::Added::late:
      return divert(batch, i, "late", "window_gone", set, out, time, &last_window);
    case WindowSet::Added::unassigned:
      ++figures_->unassigned;
      return {};
    case WindowSet::Added::out_of_range:
      return divert(batch, i, "invalid", "bad_time", set, out, time);
    case WindowSet::Added::straddles:
      return divert(batch, i, "invalid", "window_straddles", set, out, time);
    case WindowSet::Added::too_many_keys:
      if (!std::exchange(warned_of_keys_, true)) {
        context_.log.warn("{} keys are held, as many as --max-keys allows: records with further keys are invalid",
                          settings_.max_keys);
      }
      return divert(batch, i, "invalid", "too_many_keys", set, out, time);
  }
  return {};
}

std::optional<EventTime> WindowOperator::time_of(const Batch& batch, size_t i,
                                                 std::span<const JsonValue> values) const {
  EventTime time;
  if (!batch.times.empty()) {
    time.us = batch.times[i];  // the shift is in it
  } else if (const auto read = read_event_time(values[time_slot_], time_.unit)) {
    if (__builtin_add_overflow(read->us, time_.shift.us, &time.us)) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (time == kBeforeAll) return std::nullopt;
  return time;
}

Status WindowOperator::divert(const Batch& batch, size_t i, std::string_view label, std::string_view reason,
                              const WindowSet& set, Output& out, std::optional<EventTime> time,
                              const Interval* window) {
  // What was fired before this record stands before it.
  STREAM_TRY(results_.flush());
  SideRecord side{.label = label, .reason = reason, .unit = batch.unit, .offset = batch.offset(i), .time = time};
  side.record = batch.record(i);
  if (set.watermark() != kBeforeAll) side.watermark = set.watermark();
  if (window != nullptr) {
    side.window_start = EventTime{window->start};
    side.window_end = EventTime{window->end};
    ++figures_->late;
  } else {
    ++figures_->invalid;
  }
  return out.control(side);
}

Status WindowOperator::advance(UnitId unit, EventTime time, Output& out) {
  WindowSet& set = set_of(unit);
  if (time <= set.watermark()) return {};
  results_.begin(out, result_unit(unit));
  set.advance(time);
  STREAM_TRY(results_.flush());
  update_figures();
  return {};
}

Status WindowOperator::advance_stream(Output& out) {
  STREAM_TRY(advance(Units::kStream, minimum_.watermark(), out));
  return out.control(Watermark{Units::kStream, minimum_.watermark()});
}

Status WindowOperator::on_watermark(const Watermark& item, Output& out) {
  STREAM_TRY(check_assigned());
  if (!by_unit()) return minimum_.set_watermark(item.unit, item.time) ? advance_stream(out) : Status();
  if (item.time <= set_of(item.unit).watermark()) return {};
  STREAM_TRY(advance(item.unit, item.time, out));
  return out.control(item);
}

Status WindowOperator::on_caught_up(const CaughtUp& item, Output& out) {
  STREAM_TRY(check_assigned());
  if (by_unit()) return out.control(item);
  minimum_.add(item.unit);
  return {};
}

Status WindowOperator::on_idle(const Idle& item, Output& out) {
  STREAM_TRY(check_assigned());
  if (by_unit()) return out.control(item);
  return minimum_.set_idle(item.unit, item.idle) ? advance_stream(out) : Status();
}

Status WindowOperator::on_assign(const Assign& item, Output& out) {
  if (by_unit()) return out.control(item);
  minimum_.add(item.unit);
  if (item.unit >= assigned_.size()) assigned_.resize(item.unit + 1);
  if (!assigned_[item.unit]) {
    assigned_[item.unit] = true;
    ++units_assigned_;
  }
  units_in_all_ = item.units_in_all;
  check_assigned_ = true;  // the others may follow: compared when something else comes
  return {};
}

Status WindowOperator::check_assigned() {
  if (!check_assigned_) return {};
  check_assigned_ = false;
  if (units_assigned_ >= units_in_all_) return {};
  return usage_error(
      "this reader has {} of {} units, so windows over all units would be incomplete; use --scope unit when the key is "
      "the partition "
      "key, or run one reader for all units",
      units_assigned_, units_in_all_);
}

Status WindowOperator::on_revoke(const Revoke& item, Output& out) {
  if (!by_unit()) {
    return usage_error(
        "unit '{}' was revoked, so windows over all units would be incomplete; use --scope unit when the key is the "
        "partition key, or "
        "run one reader for all units",
        context_.units.name(item.unit));
  }
  if (item.unit < sets_.size() && sets_[item.unit]) {
    const int64_t before = shared_.open;
    sets_[item.unit].reset();
    if (shared_.open < before) {
      context_.log.warn(
          "'{}' was revoked with windows still open: {} keys and slices are dropped, and whoever has the unit now "
          "counts only what it reads itself",
          context_.units.name(item.unit), before - shared_.open);
    }
  }
  update_figures();
  return out.control(item);
}

Status WindowOperator::on_end(const End& item, Output& out) {
  if (item.fire) {
    STREAM_TRY(check_assigned());
    for (const UnitId unit : units_by_name()) STREAM_TRY(advance(unit, kAfterAll, out));
  }
  update_figures();
  figures_->say(context_.log);
  return out.control(item);
}

Status WindowOperator::on_deadline(Output& out) {
  const MonoTime now = context_.clock.mono();
  if (!next_early_ || now < *next_early_) return {};
  // The ticks keep their grid, also when some were missed.
  const int64_t every = settings_.early->us;
  next_early_->us += ((now - *next_early_).us / every + 1) * every;
  for (const UnitId unit : units_by_name()) {
    results_.begin(out, unit);
    sets_[unit]->fire_early();
    STREAM_TRY(results_.flush());
  }
  update_figures();
  return {};
}

std::vector<UnitId> WindowOperator::units_by_name() const {
  std::vector<UnitId> units;
  for (UnitId unit = 0; unit < sets_.size(); ++unit) {
    if (sets_[unit]) units.push_back(unit);
  }
  std::sort(units.begin(), units.end(),
            [this](UnitId a, UnitId b) { return context_.units.name(a) < context_.units.name(b); });
  return units;
}

void WindowOperator::update_figures() { figures_->update(shared_.keys, shared_.open, results_.count()); }

}  // namespace streamutils::window
