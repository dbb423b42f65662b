// SPDX-License-Identifier: Apache-2.0
// A pipeline as it was written, and checked as far as that is possible without running anything.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/base/time.hpp"

namespace streamutils::srun {

struct Stage {
  std::vector<std::string> words;  ///< never empty
  std::string place;               ///< for messages: "'clicks.conf': line 5", "stage 2"
  std::string file;                ///< what will be executed; set by find_commands()
};

struct Pipeline {
  std::string name;
  std::vector<Stage> stages;               ///< never empty
  std::optional<bool> restart_on_failure;  ///< as the file says; see restarts()
  /// The checkpoint store: as the file says, and after find_checkpoint() as its stages will see it.
  std::optional<std::string> checkpoint;
  bool binary = true;
  bool fuse = false;   ///< neighbouring programs of ours in one process
  size_t threads = 1;  ///< of such a process
  Duration stage_timeout{30'000'000};
  std::vector<std::pair<std::string, std::string>> environment;  ///< in order; later ones win

  /// A pipeline with a checkpoint goes on where it was, so that is the default then; without one a restart loses
  /// things.
  [[nodiscard]] bool restarts() const { return restart_on_failure.value_or(checkpoint.has_value()); }
};

/// A file of that name, or the pipeline itself: a text with a blank or a '|'.
Result<Pipeline> load_pipeline(const std::string& argument);
/// The contents of a pipeline file. `name` is for messages and the default of Pipeline::name.
Result<Pipeline> parse_pipeline_file(std::string_view text, const std::string& name);
/// `a | b | c`
Result<Pipeline> parse_pipeline_text(std::string_view text);

/// Settles Pipeline::checkpoint and what the stages' environment says of it. The first of these that is given and not
/// empty: `option`, the file's key, its `env`, STREAM_CHECKPOINT in our own environment, `--checkpoint` of a stage of
/// ours (which is that stage's alone: what the others lack is theirs to say).
Status find_checkpoint(Pipeline& pipeline, const std::optional<std::string>& option);

/// Lets the first program that reads a record say to the others where the fields are that they want: sets STREAM_FIELDS
/// for programs joined by the binary encoding, when several of them read fields. It is asked of each what it wants.
/// REQUIRES: find_commands().
void share_fields(Pipeline& pipeline);

/// Makes one `sfuse`, with the pipeline's threads, of neighbouring stages that it can run. REQUIRES: all their words
/// are settled.
void fuse(Pipeline& pipeline);

/// Sets Stage::file of every stage, or says which command does not exist.
Status find_commands(Pipeline& pipeline);
/// STREAM_FORMAT for a stage: binary where it and its reader are ours. None for the last stage: what the environment
/// says.
std::optional<std::string> format_of(const Pipeline& pipeline, size_t stage);
/// Whether what the stage writes is read by a program that came with this one, of which is known that it takes bytes
/// out of a pipe by read(2) alone. REQUIRES: find_commands() was ok.
bool may_lend(const Pipeline& pipeline, size_t stage);
/// Everything that a stage's environment has beyond srun's own.
std::vector<std::pair<std::string, std::optional<std::string>>> environment_of(const Pipeline& pipeline, size_t stage);

/// What is wrong with the order of the stages: sources first, sinks last, swatermark before swindow. Empty: nothing.
std::vector<Status> check_order(const Pipeline& pipeline);
/// What our programs say of their own options. REQUIRES: find_commands() was ok.
std::vector<Status> check_programs(const Pipeline& pipeline);

}  // namespace streamutils::srun
