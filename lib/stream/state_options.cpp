// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/state_options.hpp"

#include <algorithm>

namespace streamutils {

namespace {

constexpr uint32_t kMaxOptions = 64;

bool is_plain(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ',' || c == '-';
  });
}

/// "--tumbling 1m, --where 'a > 1'"
std::string as_given(const StateOptions& options, const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) {
    const std::string* value = options.find(name);
    if (!value) continue;
    if (value->empty()) {  // one that takes none
      text.append(text.empty() ? "" : ", ").append(name);
      continue;
    }
    const char* quote = is_plain(*value) ? "" : "'";
    text += fmt::format("{}{} {}{}{}", text.empty() ? "" : ", ", name, quote, *value, quote);
  }
  return text;
}

}  // namespace

const std::string* StateOptions::find(std::string_view name) const {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [name](const auto& item) { return item.first == name; });
  return found == items_.end() ? nullptr : &found->second;
}

void StateOptions::save(StateWriter& out) const {
  out.u32(static_cast<uint32_t>(items_.size()));
  for (const auto& [name, value] : items_) {
    out.text(name);
    out.text(value);
  }
}

bool StateOptions::load(StateReader& in) {
  const uint32_t count = in.u32();
  if (count > kMaxOptions) return false;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string name(in.text());
    add(std::move(name), std::string(in.text()));
  }
  return in.ok();
}

Status require_same(const StateOptions& saved, const StateOptions& given, const std::vector<std::string_view>& names) {
  std::vector<std::string_view> different;
  for (const std::string_view name : names) {
    const std::string *before = saved.find(name), *now = given.find(name);
    if (!before != !now || (before && *before != *now)) different.push_back(name);
  }
  if (different.empty()) return {};
  std::string all;
  for (const std::string_view name : different) all.append(all.empty() ? "" : ", ").append(name);
  const std::string before = as_given(saved, different), now = as_given(given, different);
  return usage_error(
      "the checkpoint was made {} {}, this start has {}; start over with --fresh, or use the old options",
      before.empty() ? "without" : "with", before.empty() ? all : before, now.empty() ? "no " + all : now);
}

Status read_state_version(StateReader& in, uint32_t known, std::string_view what) {
  const uint32_t version = in.u32();
  STREAM_TRY(in.status(what));
  if (version == known) return {};
  if (version > known) {
    return usage_error(
        "the saved state of {} has version {}, this program reads {}: a later streamutils wrote it; use that one, or "
        "start over with --fresh",
        what, version, known);
  }
  return usage_error("the saved state of {} has version {}, this program reads {}; start over with --fresh", what,
                     version, known);
}

}  // namespace streamutils
