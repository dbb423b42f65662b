// SPDX-License-Identifier: Apache-2.0
// How results look, and which of them are written: what a ResultWriter is made of.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lib/window/having.hpp"
#include "lib/window/settings.hpp"
#include "lib/window/top_results.hpp"

namespace streamutils::window {

struct ResultShape {
  TimeFormat format = TimeFormat::iso;
  bool bounded = true;           ///< false: windows have no bounds, which are null, and results no event time
  bool numbered = false;         ///< with window_number
  std::optional<Having> having;  ///< empty: all results
  std::optional<TopResults> top;
  size_t top_by = 0;                   ///< slot in `fields`
  std::optional<ResultFields> fields;  ///< what `having` and `top` read
  std::string fill;                    ///< `,"n":0`: the aggregates of a window without records

  /// On failure: a usage error that names the option. `keys` and `aggregates` are the names that results show.
  static Result<ResultShape> create(const WindowSettings& settings, const std::vector<std::string>& keys,
                                    const std::vector<std::string>& aggregates);
};

/// A field that every result of these settings has, whose name neither keys nor aggregates may have.
bool is_result_field(const WindowSettings& settings, std::string_view name);

}  // namespace streamutils::window
