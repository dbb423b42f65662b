// SPDX-License-Identifier: Apache-2.0
#include "lib/window/result_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

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

bool is_result_field(std::string_view name) {
  static constexpr std::string_view kNames[] = {"window_start", "window_end", "firing", "revision", "retracted"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

ResultWriter::ResultWriter(const AggregatePlan& plan, const std::vector<std::string>& key_names, TimeFormat format)
    : plan_(plan), format_(format), key_parts_(key_names.size()) {
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

void ResultWriter::result(std::string_view key, Interval window, const char* row, Firing firing, uint32_t revision) {
  if (!failure_.ok()) return;
  aggregates_.clear();
  scratch_.clear();
  plan_.append_results(aggregates_, row, window, scratch_);
  append(key, window, aggregates_, firing, revision, false);
}

void ResultWriter::withdrawal(std::string_view key, Interval window, std::string_view aggregates, Firing firing,
                              uint32_t revision) {
  if (failure_.ok()) append(key, window, aggregates, firing, revision, true);
}

void ResultWriter::append(std::string_view key, Interval window, std::string_view aggregates, Firing firing,
                          uint32_t revision, bool retracted) {
  if (bounds_.empty() || window != bounds_window_) {
    bounds_window_ = window;
    bounds_ = R"({"window_start":)";
    append_time_json(bounds_, EventTime{window.start}, format_);
    bounds_ += R"(,"window_end":)";
    append_time_json(bounds_, EventTime{window.end}, format_);
  }
  std::string& text = builder_.text();
  text += bounds_;
  append_keys(text, key);
  text += aggregates;
  text += R"(,"firing":")";
  text += name(firing);
  fmt::format_to(std::back_inserter(text), R"(","revision":{})", revision);
  text += retracted ? R"(,"retracted":true})" : "}";
  const int64_t time = window.end - 1;
  builder_.commit(&time);
  ++count_;
  if (builder_.bytes() >= kFlushBytes) write_batch();
}

void ResultWriter::append_keys(std::string& text, std::string_view key) {
  if (key_prefixes_.empty()) return;
  if (key_prefixes_.size() == 1) {
    key_parts_[0] = key;
  } else {
    split_key(key, key_parts_);
  }
  for (size_t i = 0; i < key_prefixes_.size(); ++i) {
    text += key_prefixes_[i];
    text += key_parts_[i];
  }
}

void ResultWriter::write_batch() {
  if (failure_.ok()) failure_ = out_->records(builder_.batch());
  builder_.clear(unit_);
}

Status ResultWriter::flush() {
  if (!builder_.empty()) write_batch();
  return std::exchange(failure_, Status());
}

}  // namespace streamutils::window
