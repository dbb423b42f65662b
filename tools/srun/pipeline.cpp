// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/pipeline.hpp"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "lib/process/child.hpp"
#include "lib/process/programs.hpp"
#include "lib/process/shell_words.hpp"

namespace streamutils::srun {

namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

Result<std::string> read_file(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return errno_status(errno, "open", path);
  std::string text;
  char bytes[16 << 10];
  for (;;) {
    const ssize_t n = read(fd.get(), bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_status(errno, "read", path);
    if (n == 0) return text;
    text.append(bytes, static_cast<size_t>(n));
    if (text.size() > kMaxFileBytes) return usage_error("'{}' is too large for a pipeline file", path);
  }
}

bool is_file(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

constexpr const char* kCheckpointVariable = "STREAM_CHECKPOINT";

/// What `--checkpoint` says among a program's own words.
std::optional<std::string> own_checkpoint(const Stage& stage) {
  constexpr std::string_view kOption = "--checkpoint";
  std::optional<std::string> out;
  for (size_t i = 1; i < stage.words.size(); ++i) {
    const std::string& word = stage.words[i];
    if (word == kOption && i + 1 < stage.words.size()) out = stage.words[++i];
    if (word.starts_with("--checkpoint=")) out = word.substr(kOption.size() + 1);
  }
  return out;
}

bool needs_event_time(std::string_view program) { return program == "swindow" || program == "smatch"; }

/// Results carry their time on, so that a window may follow a window.
bool gives_event_time(std::string_view program) { return program == "swatermark" || needs_event_time(program); }

}  // namespace

Result<Pipeline> load_pipeline(const std::string& argument) {
  if (is_file(argument)) {
    STREAM_ASSIGN(const std::string text, read_file(argument));
    return parse_pipeline_file(text, argument);
  }
  if (argument.find_first_of(" \t\n|") != std::string::npos) return parse_pipeline_text(argument);
  return usage_error("there is no file '{}', and a pipeline is written as 'a | b'", argument);
}

Result<Pipeline> parse_pipeline_text(std::string_view text) {
  STREAM_ASSIGN(auto commands, split_pipeline(text));
  Pipeline out;
  out.name = "pipeline";
  for (ShellCommand& command : commands) {
    out.stages.push_back({std::move(command.words), fmt::format("stage {}", out.stages.size() + 1), {}});
  }
  return out;
}

Status find_checkpoint(Pipeline& pipeline, const std::optional<std::string>& option) {
  if (option && option->empty()) return usage_error("--checkpoint is empty; give a directory");
  if (option) pipeline.checkpoint = option;
  if (pipeline.checkpoint) {
    pipeline.environment.emplace_back(kCheckpointVariable, *pipeline.checkpoint);
    return {};
  }
  const char* own = std::getenv(kCheckpointVariable);
  std::string value = own ? own : "";
  for (const auto& [name, given] : pipeline.environment) {
    if (name == kCheckpointVariable) value = given;
  }
  for (const Stage& stage : pipeline.stages) {
    if (!value.empty()) break;
    if (is_ours(stage.words.front())) value = own_checkpoint(stage).value_or("");
  }
  if (!value.empty()) pipeline.checkpoint = std::move(value);
  return {};
}

void fuse(Pipeline& pipeline) {
  const auto fits = [](const Stage& stage) {
    const ProgramRole role = role_of(stage.words.front());
    return role != ProgramRole::other && role != ProgramRole::runner && base_name(stage.words.front()) != "sfuse";
  };
  std::vector<Stage> out;
  for (size_t i = 0; i < pipeline.stages.size();) {
    size_t end = i + 1;
    std::string text = join_words(pipeline.stages[i].words);
    while (end < pipeline.stages.size() && fits(pipeline.stages[end - 1]) && fits(pipeline.stages[end])) {
      text += " | " + join_words(pipeline.stages[end++].words);
    }
    if (end - i == 1) {
      out.push_back(std::move(pipeline.stages[i]));
    } else {
      out.push_back({{"sfuse", std::move(text)}, std::move(pipeline.stages[i].place), {}});
      if (pipeline.threads > 1) {
        out.back().words.insert(out.back().words.end(), {"--threads", std::to_string(pipeline.threads)});
      }
    }
    i = end;
  }
  pipeline.stages = std::move(out);
}

Status find_commands(Pipeline& pipeline) {
  const char* path = nullptr;
  for (const auto& [name, value] : pipeline.environment) {
    if (name == "PATH") path = value.c_str();
  }
  for (Stage& stage : pipeline.stages) {
    auto file = find_command(stage.words.front(), path);
    if (!file.ok()) return file.take_status().at(stage.place);
    stage.file = *std::move(file);
  }
  return {};
}

std::optional<std::string> format_of(const Pipeline& pipeline, size_t stage) {
  if (stage + 1 == pipeline.stages.size()) return std::nullopt;
  const bool both =
      speaks_binary(pipeline.stages[stage].words.front()) && speaks_binary(pipeline.stages[stage + 1].words.front());
  return both && pipeline.binary ? "binary" : "text";
}

bool may_lend(const Pipeline& pipeline, size_t stage) {
  return format_of(pipeline, stage) == "binary" && is_beside(pipeline.stages[stage + 1].file);
}

std::vector<std::pair<std::string, std::optional<std::string>>> environment_of(const Pipeline& pipeline, size_t stage) {
  std::vector<std::pair<std::string, std::optional<std::string>>> out;
  for (const auto& [name, value] : pipeline.environment) out.emplace_back(name, value);
  if (auto format = format_of(pipeline, stage)) out.emplace_back("STREAM_FORMAT", std::move(format));
  return out;
}

std::vector<Status> check_order(const Pipeline& pipeline) {
  std::vector<Status> out;
  bool has_event_time = false;
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    const std::string_view program = base_name(stage.words.front());
    const ProgramRole role = role_of(program);
    if (role == ProgramRole::source && i != 0) {
      out.push_back(usage_error("{}: {} reads no stream: it must be the first stage", stage.place, program));
    }
    if (role == ProgramRole::sink && i + 1 != pipeline.stages.size()) {
      out.push_back(
          usage_error("{}: {} writes no stream: it must be the last stage (sdivert --copy feeds several sinks)",
                      stage.place, program));
    }
    if (needs_event_time(program) && !has_event_time) {
      out.push_back(usage_error("{}: {} needs event times: put swatermark before it", stage.place, program));
    }
    has_event_time = has_event_time || gives_event_time(program);
  }
  return out;
}

void share_fields(Pipeline& pipeline) {
  constexpr const char* kVariable = "STREAM_FIELDS";
  const auto is_set = [&](const auto& variable) { return variable.first == kVariable; };
  if (std::getenv(kVariable) || std::any_of(pipeline.environment.begin(), pipeline.environment.end(), is_set)) {
    return;
  }
  std::vector<std::string> wanted;
  int readers = 0;
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    if (!is_ours(stage.words.front()) || role_of(stage.words.front()) == ProgramRole::runner) break;
    const auto fields =
        fields_of_program({.file = stage.file, .words = stage.words, .environment = environment_of(pipeline, i)});
    readers += !fields.empty();
    wanted.insert(wanted.end(), fields.begin(), fields.end());
    const std::string_view name = base_name(stage.words.front());
    // Behind these there are other records, or the text encoding, which has no room for it.
    if (name == "swindow" || name == "sfuse" || format_of(pipeline, i) != "binary") break;
  }
  if (readers < 2) return;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  pipeline.environment.emplace_back(kVariable, fmt::format("{}", fmt::join(wanted, "\n")));
}

std::vector<Status> check_programs(const Pipeline& pipeline) {
  std::vector<Status> out;
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    if (!is_ours(stage.words.front())) continue;
    Status status =
        check_program({.file = stage.file, .words = stage.words, .environment = environment_of(pipeline, i)});
    if (!status.ok()) out.push_back(std::move(status).at(stage.place));
  }
  return out;
}

}  // namespace streamutils::srun
