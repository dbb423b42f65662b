// SPDX-License-Identifier: Apache-2.0
#include "lib/process/programs.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace streamutils {

namespace {

constexpr std::array kPrograms = std::to_array<std::pair<std::string_view, ProgramRole>>({
    {"skafka-cat", ProgramRole::source}, {"sreplay", ProgramRole::source},      {"sfilter", ProgramRole::filter},
    {"swatermark", ProgramRole::filter}, {"swindow", ProgramRole::filter},      {"sjoin", ProgramRole::filter},
    {"smatch", ProgramRole::filter},     {"sexec", ProgramRole::filter},        {"sdivert", ProgramRole::filter},
    {"sfuse", ProgramRole::filter},      {"salert", ProgramRole::filter},       {"ssink-redis", ProgramRole::sink},
    {"ssink-kafka", ProgramRole::sink},  {"ssink-postgres", ProgramRole::sink}, {"ssink-clickhouse", ProgramRole::sink},
    {"ssink-influx", ProgramRole::sink}, {"ssink-file", ProgramRole::sink},     {"ssink-http", ProgramRole::sink},
    {"sserve", ProgramRole::sink},       {"srun", ProgramRole::runner},
});

bool is_program(const std::string& file) {
  struct stat info {};
  return stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(file.c_str(), X_OK) == 0;
}

/// The folder of the running program with its '/', or empty.
std::string own_folder() {
  std::string path(4096, '\0');
  const ssize_t n = readlink("/proc/self/exe", path.data(), path.size());
  if (n <= 0) return {};
  path.resize(static_cast<size_t>(n));
  return path.substr(0, path.rfind('/') + 1);
}

}  // namespace

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

ProgramRole role_of(std::string_view command) {
  const std::string_view name = base_name(command);
  for (const auto& [program, role] : kPrograms) {
    if (program == name) return role;
  }
  return ProgramRole::other;
}

bool speaks_binary(std::string_view command) {
  const ProgramRole role = role_of(command);
  return role != ProgramRole::other && role != ProgramRole::runner;
}

bool is_beside(std::string_view file) {
  const std::string own = own_folder();
  return !own.empty() && is_ours(file) && file.substr(0, file.size() - base_name(file).size()) == own;
}

Result<std::string> find_command(const std::string& command, const char* path) {
  if (command.find('/') != std::string::npos) {
    if (is_program(command)) return command;
    return usage_error("cannot find '{}': no such program", command);
  }
  if (is_ours(command)) {
    std::string beside = own_folder() + command;
    if (beside.size() > command.size() && is_program(beside)) return beside;
  }
  if (!path) path = std::getenv("PATH");
  std::string_view folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    const size_t colon = std::min(folders.find(':'), folders.size());
    std::string file(folders.substr(0, colon));
    if (!file.empty() && file.back() != '/') file += '/';  // an empty folder is the current one
    file += command;
    if (!command.empty() && is_program(file)) return file;
    if (colon == folders.size()) return usage_error("cannot find '{}' in PATH", command);
    folders.remove_prefix(colon + 1);
  }
}

}  // namespace streamutils
