// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/path.hpp"

namespace streamutils::ssink_file {

namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Checks what stands between the fields, and counts the folders.
Result<size_t> check_literals(std::string_view text) {
  size_t depth = 1;
  bool starts = true;  // a component begins here
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_control(c)) return usage_error("a control character at column {}", i + 1);
    if (c == '{' && text.substr(i, 2) != "{{") {
      i = text.find('}', i);
      starts = false;
      continue;
    }
    if (c == '{' || c == '}') ++i;  // doubled: a brace
    if (starts && c == '/')
      return usage_error("'{}': an empty folder name at column {}; the path is relative", text, i + 1);
    if (starts && c == '.') return usage_error("'{}': a folder name that begins with '.' at column {}", text, i + 1);
    starts = c == '/';
    if (starts) ++depth;
  }
  if (starts) return usage_error("'{}': it ends with '/'", text);
  return depth;
}

/// Why `path` cannot be used, or "".
std::string_view check_components(std::string_view path) {
  if (path.size() > kMaxPathBytes) return "name_too_long";
  for (;;) {
    const size_t end = std::min(path.find('/'), path.size());
    if (end == 0 || path.front() == '.') return "empty_name";  // ".x" where the field before it is empty
    if (end > kMaxComponentBytes) return "name_too_long";
    if (end == path.size()) return {};
    path.remove_prefix(end + 1);
  }
}

}  // namespace

void append_component(std::string& path, std::string_view value) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : value) {
    const bool hides = c == '.' && (path.empty() || path.back() == '/');
    if (!hides && c != '/' && c != '%' && !is_control(c)) {
      path.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    path.push_back('%');
    path.push_back(kDigits[byte >> 4]);
    path.push_back(kDigits[byte & 15]);
  }
}

Result<PathTemplate> PathTemplate::parse(std::string_view text, FieldSet& fields) {
  PathTemplate result;
  STREAM_ASSIGN(result.name_, Template::parse(text, fields));
  STREAM_ASSIGN(result.depth_, check_literals(text));
  return result;
}

std::string_view PathTemplate::render(std::span<const JsonValue> values, std::string& path, size_t* slot) {
  path.clear();
  const auto outcome = name_.render(values, path, slot, [this](std::string& out, const JsonValue& value) {
    value_.clear();
    append_plain(value_, value);
    append_component(out, value_);
  });
  if (outcome != Template::Outcome::ok) return reason(outcome);
  return check_components(path);
}

}  // namespace streamutils::ssink_file
