// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/members.hpp"

namespace streamutils::checkpoint {

namespace {

/// A path in a branch, "3.late.1": the stage that branches, the branch, the number in it.
struct BranchPath {
  std::string_view stage, branch, number;
};

std::optional<BranchPath> branch_path(std::string_view path) {
  const size_t first = path.find('.'), last = path.rfind('.');
  if (first == std::string_view::npos) return std::nullopt;
  return BranchPath{path.substr(0, first),
                    first == last ? std::string_view() : path.substr(first + 1, last - first - 1),
                    path.substr(last + 1)};
}

/// Labels may hold anything; names of objects may not.
std::string plain_word(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    plain ? static_cast<void>(out += c)
          : static_cast<void>(out += fmt::format("_{:02x}", static_cast<unsigned char>(c)));
  }
  return out;
}

bool is_sink(std::string_view program) { return program.starts_with("ssink-"); }
bool is_source(std::string_view program) { return program == "skafka-cat"; }

}  // namespace

std::string member_name(const std::vector<StageInfo>& stages, size_t i) {
  const StageInfo& stage = stages[i];
  if (const auto branch = branch_path(stage.path)) {
    for (size_t j = 0; j < i; ++j) {
      if (stages[j].path == branch->stage) {
        return fmt::format("{}.{}.{}", member_name(stages, j), plain_word(branch->branch), stage.program);
      }
    }
  }
  size_t same = 1;
  for (size_t j = 0; j < i; ++j) same += stages[j].program == stage.program && !branch_path(stages[j].path);
  return same == 1 ? stage.program : fmt::format("{}-{}", stage.program, same);
}

Status check_begun(const Open& open) {
  if (!open.empty_input) return {};
  return failed("the input ended before it began: the program before this one has failed; its message says why");
}

Result<std::vector<MemberInfo>> find_members(const Open& open, std::string_view store) {
  STREAM_TRY(check_begun(open));
  const auto& stages = open.stages;
  if (!stages.empty() && stages.front().checkpoint.empty()) {
    return usage_error(
        "stage 1 ({}) has no checkpoint: with --checkpoint or STREAM_CHECKPOINT a pipeline begins with "
        "skafka-cat, which is given the same one",
        stages.front().program);
  }
  // A source that was stopped before it reached its cluster has no positions yet, and ends the stream at once.
  const bool no_positions = open.sources.empty() && !stages.empty() && !is_source(stages.front().program);
  if (open.run.empty() || stages.empty() || no_positions) {
    return usage_error(
        "with a checkpoint the input has to come from skafka-cat, which knows positions to go back to; this "
        "input is plain");
  }
  std::vector<MemberInfo> members;
  for (size_t i = 0; i < stages.size(); ++i) {
    const StageInfo& stage = stages[i];
    if (i > 0 && !stage.stateful) continue;
    if (stage.checkpoint.empty()) {
      return usage_error(
          "stage {} ({}) keeps state and has no checkpoint: give it --checkpoint '{}', or export "
          "STREAM_CHECKPOINT for all",
          stage.path, stage.program, store);
    }
    if (stage.checkpoint != store) {
      return usage_error("stage {} ({}) has another checkpoint: '{}' there, '{}' here", stage.path, stage.program,
                         stage.checkpoint, store);
    }
    if (!stage.stateful) continue;
    const bool side = branch_path(stage.path).has_value();
    if (side && !is_sink(stage.program)) {
      return usage_error(
          "stage {} ({}) ends a branch and is no sink: with a checkpoint every branch of sdivert is one of "
          "the ssink-... programs",
          stage.path, stage.program);
    }
    members.push_back({member_name(stages, i), stage.program, side});
  }
  if (!is_sink(stages.back().program) || branch_path(stages.back().path)) {
    return usage_error("with a checkpoint the pipeline has to end in one of the ssink-... programs");
  }
  return members;
}

}  // namespace streamutils::checkpoint
