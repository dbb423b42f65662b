// SPDX-License-Identifier: Apache-2.0
// A saved WindowOperator, opened for looking at it.
#pragma once
#include <memory>
#include <string_view>

#include "lib/window/window_operator.hpp"

namespace streamutils::window {

/// An operator made from the options that its snapshot carries, and restored from it. `context` outlives it. On
/// failure: what is wrong with the state.
Result<std::unique_ptr<WindowOperator>> open_saved_windows(std::string_view state, Context& context);

}  // namespace streamutils::window
