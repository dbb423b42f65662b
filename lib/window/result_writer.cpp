// SPDX-License-Identifier: Apache-2.0
#include "lib/window/result_writer.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "lib/json/text.hpp"
#include "lib/window/key_reader.hpp"

namespace streamutils::window {

std::string_view name(Firing firing) {
  switch (firing) {
    case Firing::early:
      return "early";
    case Firing::on_time:
      return "on-time";
    case Firing::late:
      return "late";
  }
  return {};
}

ResultWriter::ResultWriter(const AggregatePlan& plan, const std::vector<std::string>& key_names, ResultShape shape)
    : plan_(plan), shape_(std::move(shape)), partials_(plan), key_parts_(key_names.size()) {
  for (const std::string& name : key_names) {
    std::string prefix = ",";
    append_json_string(prefix, name);
    key_prefixes_.push_back(prefix + ':');
  }
  builder_.clear(unit_);
}

void ResultWriter::begin(Output& out, UnitId unit) {
  out_ = &out;
  if (unit_ == unit) return;
  unit_ = unit;
  builder_.clear(unit);
}

bool ResultWriter::result(std::string_view key, Interval window, const char* row, Firing firing, uint32_t revision,
                          uint64_t number) {
  number_ = number;
  if (!shape_.fields) {  // nobody asks for it first: its aggregates are written where they stay
    if (!failure_.ok()) return true;
    std::string& text = builder_.text();
    append_head(text, key, window);
    const size_t before = text.size();
    append_aggregates(text, row, window);
    const size_t size = text.size() - before;
    append_tail(text, window, {.firing = firing, .revision = revision});
    latest_ = std::string_view(text).substr(before, size);
    return true;
  }
  aggregates_.clear();
  append_aggregates(aggregates_, row, window);
  return give(key, window, firing, revision);
}

void ResultWriter::append_aggregates(std::string& text, const char* row, Interval window) {
  scratch_.clear();
  if (shape_.partial) {
    partials_.append(text, row, window);
  } else {
    plan_.append_results(text, row, window, scratch_);
  }
}

bool ResultWriter::filled(std::string_view key, Interval window) {
  aggregates_ = shape_.fill;
  return give(key, window, Firing::on_time, 0);
}

bool ResultWriter::give(std::string_view key, Interval window, Firing firing, uint32_t revision) {
  latest_ = aggregates_;
  if (shape_.fields) {
    split(key);
    shape_.fields->read(key_parts_, aggregates_);
    if (shape_.having) {
      scratch_.clear();
      if (!shape_.having->matches(*shape_.fields, scratch_)) return false;
    }
    if (shape_.top) {
      if (window != top_window_) write_top();
      top_window_ = window;
      shape_.top->offer(key, aggregates_, shape_.fields->value(shape_.top_by));
      return true;
    }
  }
  append(key, window, aggregates_, {.firing = firing, .revision = revision});
  return true;
}

void ResultWriter::write_top() {
  size_t rank = 0;
  shape_.top->take([&](std::string_view key, std::string_view aggregates) {
    append(key, top_window_, aggregates, {.rank = ++rank});
  });
}

void ResultWriter::withdrawal(std::string_view key, Interval window, std::string_view aggregates, Firing firing,
                              uint32_t revision) {
  append(key, window, aggregates, {.firing = firing, .revision = revision, .retracted = true});
}

void ResultWriter::append(std::string_view key, Interval window, std::string_view aggregates, const Rest& rest) {
  if (!failure_.ok()) return;
  std::string& text = builder_.text();
  append_head(text, key, window);
  text += aggregates;
  append_tail(text, window, rest);
}

void ResultWriter::append_head(std::string& text, std::string_view key, Interval window) {
  if (builder_.bytes() >= kFlushBytes) write_batch();
  if (bounds_.empty() || window != bounds_window_) set_bounds(window);
  text += bounds_;
  if (shape_.numbered) fmt::format_to(std::back_inserter(text), R"(,"window_number":{})", number_);
  if (key_prefixes_.empty()) return;
  split(key);
  if (shape_.numbered) text += key_prefixes_[0];
  text += key_parts_[0];
  for (size_t i = 1; i < key_prefixes_.size(); ++i) {
    text += key_prefixes_[i];
    text += key_parts_[i];
  }
}

void ResultWriter::append_tail(std::string& text, Interval window, const Rest& rest) {
  if (rest.rank > 0) fmt::format_to(std::back_inserter(text), R"(,"rank":{})", rest.rank);
  if (rest.firing == Firing::on_time && rest.revision == 0 && !rest.retracted) {  // nearly all
    text += R"(,"firing":"on-time","revision":0})";
  } else {
    fmt::format_to(std::back_inserter(text), R"(,"firing":"{}","revision":{}{}}})", name(rest.firing), rest.revision,
                   rest.retracted ? R"(,"retracted":true)" : "");
  }
  const int64_t time = window.end - 1;
  builder_.commit(shape_.bounded ? &time : nullptr);
  ++count_;
}

void ResultWriter::set_bounds(Interval window) {
  bounds_window_ = window;
  if (!shape_.bounded) {
    bounds_ = R"({"window_start":null,"window_end":null)";
  } else {
    bounds_ = R"({"window_start":)";
    append_time_json(bounds_, EventTime{window.start}, shape_.format);
    bounds_ += R"(,"window_end":)";
    append_time_json(bounds_, EventTime{window.end}, shape_.format);
  }
  if (!shape_.numbered && !key_prefixes_.empty()) bounds_ += key_prefixes_[0];
}

void ResultWriter::split(std::string_view key) {
  if (key_parts_.size() == 1) {
    key_parts_[0] = key;
  } else {
    split_key(key, key_parts_);
  }
}

void ResultWriter::write_batch() {
  if (failure_.ok()) failure_ = out_->records(builder_.batch());
  builder_.clear(unit_);
}

Status ResultWriter::flush() {
  if (shape_.top) write_top();
  if (!builder_.empty()) write_batch();
  return std::exchange(failure_, Status());
}

}  // namespace streamutils::window
