// SPDX-License-Identifier: Apache-2.0
#include "lib/window/result_shape.hpp"

#include <algorithm>
#include <iterator>

#include "lib/json/text.hpp"

namespace streamutils::window {

bool is_result_field(const WindowSettings& settings, std::string_view name) {
  static constexpr std::string_view kNames[] = {"window_start", "window_end", "firing", "revision", "retracted"};
  if (settings.kind == WindowKind::count && name == "window_number") return true;
  if (settings.top > 0 && name == "rank") return true;
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Result<ResultShape> ResultShape::create(const WindowSettings& settings, const std::vector<std::string>& keys,
                                        const std::vector<std::string>& aggregates) {
  ResultShape shape;
  shape.format = settings.time_format;
  shape.bounded = settings.kind != WindowKind::global;
  shape.numbered = settings.kind == WindowKind::count;
  if (!settings.having.empty() || settings.top > 0) shape.fields.emplace(keys, aggregates);
  if (!settings.having.empty()) {
    auto having = Having::create(settings.having, *shape.fields);
    if (!having.ok()) return std::move(having.take_status()).at("--having");
    shape.having = *std::move(having);
  }
  if (settings.top > 0) {
    if (!shape.fields->is_aggregate(settings.top_by)) {
      std::string known;
      for (const std::string& name : aggregates) known.append(known.empty() ? "" : ", ").append(name);
      return usage_error("--by: '{}' is no aggregate of --agg; those are {}", settings.top_by, known);
    }
    shape.top.emplace(settings.top);
    shape.top_by = *shape.fields->add(settings.top_by);
  }
  if (settings.fill) {
    for (const std::string& name : aggregates) {
      shape.fill += ',';
      append_json_string(shape.fill, name);
      shape.fill += ':';
      shape.fill += *settings.fill;
    }
  }
  return shape;
}

}  // namespace streamutils::window
