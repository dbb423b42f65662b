// SPDX-License-Identifier: Apache-2.0
// The stream options that every program has: srun hands them on to its stages.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tools/srun/pipeline.hpp"

namespace streamutils::srun {

struct StageOptions {
  bool plain = false;                 ///< for the last stage
  bool binary = false;                ///< for the last stage
  bool strict = false;                ///< for every stage that is ours
  std::optional<std::string> eof;     ///< for every stage that is ours: "fail" or "end"
  bool fresh = false;                 ///< for the last stage, until a start has taken it up
  std::optional<int64_t> from_epoch;  ///< the same
};

/// Appends the options to the commands of the stages. On failure, a usage error: two exclude each other, or there is no
/// program of ours that could take one.
Status hand_on(const StageOptions& options, Pipeline& pipeline);

/// What --fresh and --from-epoch add to the last stage's command; nothing when neither is given. They are for the first
/// start alone: each restart would begin anew. REQUIRES: find_checkpoint() was called. On failure, a usage error: they
/// exclude each other, there is no checkpoint, or the last stage is no sink of ours.
Result<std::vector<std::string>> first_start_words(const StageOptions& options, const Pipeline& pipeline);

}  // namespace streamutils::srun
