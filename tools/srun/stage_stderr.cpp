// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/stage_stderr.hpp"

#include <fmt/format.h>

namespace streamutils::srun {

namespace {
constexpr size_t kMaxLine = 64 << 10;
}

StageStderr::StageStderr(size_t number, std::string_view program)
    : prefix_(fmt::format("[{} {}] ", number, program)), own_name_(fmt::format("{}: ", program)) {}

void StageStderr::take(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    if (newline == std::string_view::npos) {
      rest_ += bytes;
      if (rest_.size() >= kMaxLine) finish(out);
      return;
    }
    rest_ += bytes.substr(0, newline);
    put(rest_, out);
    rest_.clear();
    bytes.remove_prefix(newline + 1);
  }
}

void StageStderr::finish(std::string& out) {
  if (!rest_.empty()) put(rest_, out);
  rest_.clear();
}

void StageStderr::put(std::string_view line, std::string& out) const {
  if (line.starts_with(own_name_)) line.remove_prefix(own_name_.size());
  out += prefix_;
  out += line;
  out += '\n';
}

}  // namespace streamutils::srun
