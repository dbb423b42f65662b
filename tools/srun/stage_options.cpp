// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/stage_options.hpp"

#include <algorithm>

#include "lib/process/programs.hpp"

namespace streamutils::srun {

Status hand_on(const StageOptions& options, Pipeline& pipeline) {
  const auto ours = [](const Stage& stage) { return is_ours(stage.words.front()); };
  if (options.plain && options.binary) return usage_error("--plain and --binary exclude each other");
  if (options.plain || options.binary) {
    Stage& last = pipeline.stages.back();
    const char* option = options.plain ? "--plain" : "--binary";
    if (!ours(last)) {
      return usage_error("{}: the last stage '{}' is not one of our programs and has no such option", option,
                         last.words.front());
    }
    last.words.emplace_back(option);
  }
  if (!options.strict && !options.eof) return {};
  if (std::none_of(pipeline.stages.begin(), pipeline.stages.end(), ours)) {
    return usage_error("{}: no stage is one of our programs, which have that option",
                       options.strict ? "--strict" : "--eof");
  }
  for (Stage& stage : pipeline.stages) {
    if (!ours(stage)) continue;
    if (options.strict) stage.words.emplace_back("--strict");
    if (options.eof) stage.words.insert(stage.words.end(), {"--eof", *options.eof});
  }
  return {};
}

Result<std::vector<std::string>> first_start_words(const StageOptions& options, const Pipeline& pipeline) {
  std::vector<std::string> words;
  if (!options.fresh && !options.from_epoch) return words;
  if (options.fresh && options.from_epoch) return usage_error("--fresh and --from-epoch exclude each other");
  const char* option = options.fresh ? "--fresh" : "--from-epoch";
  if (options.from_epoch && *options.from_epoch < 0) return usage_error("{}: an epoch is not below 0", option);
  if (!pipeline.checkpoint) {
    return usage_error(
        "{}: there is no checkpoint to begin from; give --checkpoint DIR, or checkpoint = DIR in the file", option);
  }
  const std::string& last = pipeline.stages.back().words.front();
  const ProgramRole role = role_of(last);
  if (role != ProgramRole::sink && role != ProgramRole::runner) {
    return usage_error("{}: the last stage '{}' is not one of our sinks, which decide where a pipeline begins", option,
                       last);
  }
  words.emplace_back(option);
  if (options.from_epoch) words.push_back(std::to_string(*options.from_epoch));
  return words;
}

}  // namespace streamutils::srun
