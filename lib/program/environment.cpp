// SPDX-License-Identifier: Apache-2.0
#include "lib/program/environment.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "lib/stream/read_ahead.hpp"

namespace streamutils::environment {

namespace {

/// Empty when it is not set.
std::string_view value_of(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string_view check() { return value_of("STREAM_CHECK"); }

}  // namespace

bool checks_only() { return check() == "1" || says_fields(); }

bool says_fields() { return check() == "fields"; }

std::string checkpoint() { return std::string(value_of("STREAM_CHECKPOINT")); }

Result<bool> binary() {
  const std::string_view format = value_of("STREAM_FORMAT");
  if (format == "binary") return true;
  if (format.empty() || format == "text") return false;
  return usage_error("STREAM_FORMAT is '{}'; it takes 'binary' or 'text'", format);
}

Result<size_t> read_ahead_bytes() {
  const std::string_view text = value_of("STREAM_READ_AHEAD_BYTES");
  if (text.empty()) return ReadAhead::kSmallBytes;
  size_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size()) {
    return usage_error("STREAM_READ_AHEAD_BYTES is '{}'; it takes a number of bytes", text);
  }
  return bytes;
}

std::string_view fields() { return value_of("STREAM_FIELDS"); }

Status ask_for_fields(SharedFields& shared) {
  for (std::string_view rest = fields(); !rest.empty();) {
    const std::string_view path = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), path.size() + 1));
    auto slot = shared.set.add(path);
    if (!slot.ok()) return slot.take_status().at("STREAM_FIELDS");
    shared.asked.push_back(*slot);
  }
  return {};
}

}  // namespace streamutils::environment
