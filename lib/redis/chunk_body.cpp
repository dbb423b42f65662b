// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/chunk_body.hpp"

#include <charconv>

#include "lib/redis/connection.hpp"

namespace streamutils::redis {

namespace {

constexpr std::string_view kName = "redis-chunk ";
constexpr std::string_view kVersion = "1";
constexpr size_t kLeastArguments = 4;  // types, life, channels, shapes

Status damaged() { return failed("the chunk is damaged"); }

/// Takes a number and what must follow it off the front of `rest`.
bool take_number(std::string_view& rest, std::string_view behind, size_t& value) {
  const char* last = rest.data() + rest.size();
  const auto [end, error] = std::from_chars(rest.data(), last, value);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  if (!rest.starts_with(behind)) return false;
  rest.remove_prefix(behind.size());
  return true;
}

/// Are `bytes` exactly `count` arguments? Anything else would make the server read commands out of data.
bool are_arguments(std::string_view bytes, size_t count) {
  for (; count > 0; --count) {
    size_t size = 0;
    if (!bytes.starts_with('$')) return false;
    bytes.remove_prefix(1);
    if (!take_number(bytes, "\r\n", size) || bytes.size() < 2 || size > bytes.size() - 2) return false;
    if (bytes.substr(size, 2) != "\r\n") return false;
    bytes.remove_prefix(size + 2);
  }
  return bytes.empty();
}

}  // namespace

void append_body_head(size_t keys, size_t key_bytes, size_t arguments, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}{} {} {} {}\n", kName, kVersion, keys, key_bytes, arguments);
}

std::string empty_body() {
  std::string out;
  append_body_head(0, 0, kLeastArguments, out);
  for (const std::string_view argument : {"", "0", "0", "0"}) append_argument(out, argument);
  return out;
}

Status append_chunk_command(const CommandHead& head, std::string_view body, std::string& out) {
  if (!body.starts_with(kName)) return damaged();
  body.remove_prefix(kName.size());
  const std::string_view version = body.substr(0, body.find(' '));
  if (version != kVersion) {
    return failed("the chunk has version {}, this program reads {}", version.substr(0, 20), kVersion);
  }
  body.remove_prefix(version.size() + 1);
  size_t keys = 0, key_bytes = 0, arguments = 0;
  if (!take_number(body, " ", keys) || !take_number(body, " ", key_bytes) || !take_number(body, "\n", arguments)) {
    return damaged();
  }
  if (key_bytes > body.size() || arguments < kLeastArguments || !are_arguments(body.substr(0, key_bytes), keys) ||
      !are_arguments(body.substr(key_bytes), arguments)) {
    return damaged();
  }
  out.reserve(out.size() + body.size() + 256);
  fmt::format_to(std::back_inserter(out), "*{}\r\n", 4 + keys + 2 + arguments);
  append_argument(out, "EVALSHA");
  append_argument(out, head.sha);
  append_argument(out, fmt::format_int(keys + 1).str());
  append_argument(out, head.key);
  out.append(body.substr(0, key_bytes));
  append_argument(out, head.first);
  append_argument(out, head.second);
  out.append(body.substr(key_bytes));
  return {};
}

}  // namespace streamutils::redis
