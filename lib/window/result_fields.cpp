// SPDX-License-Identifier: Apache-2.0
#include "lib/window/result_fields.hpp"

#include <algorithm>

#include "lib/window/aggregates/canonical.hpp"

namespace streamutils::window {

namespace {

// Results are our own: an array of a hundred thousand values is as good as a number.
constexpr ParseLimits kLimits{.max_bytes = size_t{1} << 30, .max_depth = 256};

size_t index_of(const std::vector<std::string>& names, std::string_view name) {
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

/// A name as a path: its dots are its own.
std::string literal_path(std::string_view name) {
  std::string path;
  for (const char c : name) {
    if (c == '.' || c == '\\') path += '\\';
    path += c;
  }
  return path;
}

}  // namespace

ResultFields::ResultFields(std::vector<std::string> keys, std::vector<std::string> aggregates)
    : keys_(std::move(keys)), aggregates_(std::move(aggregates)) {}

std::optional<size_t> ResultFields::add(std::string_view name) {
  if (const size_t known = index_of(added_, name); known < added_.size()) return known;
  Source source{true, index_of(keys_, name)};
  if (source.index == keys_.size()) {
    if (!is_aggregate(name)) return std::nullopt;
    const auto slot = wanted_.add(literal_path(name));
    if (!slot.ok()) return std::nullopt;
    source = {false, *slot};
  }
  added_.emplace_back(name);
  sources_.push_back(source);
  values_.emplace_back();
  parser_.reset();
  return values_.size() - 1;
}

bool ResultFields::is_aggregate(std::string_view name) const {
  return index_of(aggregates_, name) < aggregates_.size();
}

std::string ResultFields::names() const {
  std::string all;
  for (const auto* list : {&keys_, &aggregates_}) {
    for (const std::string& name : *list) all.append(all.empty() ? "" : ", ").append(name);
  }
  return all;
}

void ResultFields::read(std::span<const std::string_view> keys, std::string_view aggregates) {
  if (wanted_.size() > 0) {
    if (!parser_) parser_.emplace(wanted_, kLimits);
    parsed_.assign(wanted_.size(), JsonValue());
    object_ = '{';
    object_ += aggregates.substr(aggregates.empty() ? 0 : 1);  // without the comma in front
    object_ += '}';
    const size_t size = object_.size();
    object_.append(kJsonPadding, ' ');
    if (parser_->parse(std::string_view(object_).substr(0, size), parsed_) != ParseError::none) {
      parsed_.assign(wanted_.size(), JsonValue());  // no value, so null
    }
  }
  for (size_t slot = 0; slot < sources_.size(); ++slot) {
    const auto [key, index] = sources_[slot];
    values_[slot] = key ? value_of(keys[index]) : parsed_[index];
  }
}

}  // namespace streamutils::window
