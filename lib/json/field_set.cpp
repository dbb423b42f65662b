// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/json/record_parser.hpp"

namespace streamutils {
namespace {

/// "a.b\.c" to {"a", "b.c"}. A backslash before anything but a dot or a backslash stands for itself.
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < path.size(); ++i) {
    const bool escape = path[i] == '\\' && i + 1 < path.size() && (path[i + 1] == '.' || path[i + 1] == '\\');
    if (path[i] == '.') {
      parts.emplace_back();
    } else {
      parts.back() += escape ? path[++i] : path[i];
    }
  }
  return parts;
}

}  // namespace

Result<size_t> FieldSet::add(std::string_view path) {
  std::vector<std::string> parts = split_path(path);
  if (std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); })) {
    return usage_error("bad field '{}': a part of the name is empty (a literal dot is written '\\.')", path);
  }
  const auto known = std::find(paths_.begin(), paths_.end(), parts);
  const auto slot = static_cast<size_t>(known - paths_.begin());
  if (known == paths_.end()) paths_.push_back(std::move(parts));
  return slot;
}

std::string FieldSet::text(size_t slot) const {
  std::string out;
  for (const std::string& part : paths_[slot]) {
    if (!out.empty()) out += '.';
    for (const char c : part) {
      if (c == '.' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace streamutils
