// SPDX-License-Identifier: Apache-2.0
// The stream options that every program has: srun hands them on to its stages.
#pragma once
#include <optional>
#include <string>

#include "tools/srun/pipeline.hpp"

namespace streamutils::srun {

struct StageOptions {
  bool plain = false;              ///< for the last stage
  bool binary = false;             ///< for the last stage
  bool strict = false;             ///< for every stage that is ours
  std::optional<std::string> eof;  ///< for every stage that is ours: "fail" or "end"
};

/// Appends the options to the commands of the stages. On failure, a usage error: two exclude each other, or there is no
/// program of ours that could take one.
Status hand_on(const StageOptions& options, Pipeline& pipeline);

}  // namespace streamutils::srun
