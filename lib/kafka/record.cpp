// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/record.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "lib/base/base64.hpp"
#include "lib/json/text.hpp"

namespace streamutils::kafka {
namespace {

constexpr std::string_view kWrapOpen = R"({"v":)";

bool has_newline(std::string_view value) { return std::memchr(value.data(), '\n', value.size()) != nullptr; }

bool refuse(SideRecord& side, std::string_view why, std::string_view value, bool too_large = false) {
  side.label = "invalid";
  side.reason = why;
  side.record = too_large ? value.substr(0, kSideRecordHead) : value;
  side.full_size = too_large ? static_cast<int64_t>(value.size()) : -1;
  side.hash = too_large ? XXH3_64bits(value.data(), value.size()) : 0;
  return false;
}

/// Appends "name":"text", or "name_base64":"..." for bytes that are not UTF-8, or "name":null.
void append_bytes(std::string& line, std::string_view name, const Bytes& bytes) {
  line += '"';
  line += name;
  if (!bytes) {
    line += "\":null";
  } else if (is_valid_utf8(*bytes)) {
    line += "\":";
    append_json_string(line, *bytes);
  } else {
    line += "_base64\":\"";
    append_base64(line, *bytes);
    line += '"';
  }
}

void append_header_value(std::string& line, const Bytes& value) {
  if (!value) {
    line += "null";
  } else if (is_valid_utf8(*value)) {
    append_json_string(line, *value);
  } else {
    line += R"({"base64":")";
    append_base64(line, *value);
    line += "\"}";
  }
}

}  // namespace

RecordShaper::RecordShaper(bool envelope, ParseLimits limits)
    : envelope_(envelope),
      limits_(limits),
      parser_(FieldSet(), {.max_bytes = limits.max_bytes + 16, .max_depth = limits.max_depth + 1}) {}

bool RecordShaper::shape(const MessageView& message, std::string& line, SideRecord& side) {
  if (message.value && message.value->size() > limits_.max_bytes)
    return refuse(side, "too_large", *message.value, true);
  if (envelope_) return wrap(message, line, side);
  if (!message.value) return refuse(side, "tombstone", {});
  return shape_value(*message.value, line, side);
}

bool RecordShaper::shape_value(std::string_view value, std::string& line, SideRecord& side) {
  if (value.empty()) return refuse(side, "not_json", value);  // an empty line is no record
  if (is_record(value)) {
    line += value;
    return true;
  }
  const ParseError error = check_json(value);
  if (error != ParseError::none) return refuse(side, reason(error), value);
  append_minified(line, value);
  return true;
}

// Any JSON value is the only member of an object, so that the parser, which takes objects, proves it.
ParseError RecordShaper::check_json(std::string_view value) {
  padded_.assign(kWrapOpen);
  padded_ += value;
  padded_ += '}';
  const size_t size = padded_.size();
  padded_.append(kJsonPadding, '\0');
  members_.clear();
  const ParseError error = parser_.parse_members(std::string_view(padded_).substr(0, size), members_);
  if (error != ParseError::none) return error;
  return members_.size() == 1 ? ParseError::none : ParseError::not_json;  // `1,"x":2` is two members
}

bool RecordShaper::wrap(const MessageView& message, std::string& line, SideRecord& side) {
  const size_t begin = line.size();
  line += R"({"topic":)";
  append_json_string(line, message.topic);
  fmt::format_to(std::back_inserter(line), R"(,"partition":{},"offset":{},"timestamp":)", message.partition,
                 message.offset);
  message.timestamp_ms ? fmt::format_to(std::back_inserter(line), "{},", *message.timestamp_ms)
                       : fmt::format_to(std::back_inserter(line), "null,");
  append_bytes(line, "key", message.key);
  line += R"(,"headers":{)";
  append_headers(message, line);
  line += "},";
  if (message.value && !message.value->empty() && check_json(*message.value) == ParseError::none) {
    line += R"("value":)";
    has_newline(*message.value) ? append_minified(line, *message.value) : static_cast<void>(line += *message.value);
  } else {
    append_bytes(line, "value", message.value);
  }
  line += '}';
  if (line.size() - begin <= limits_.max_bytes) return true;
  line.resize(begin);
  return refuse(side, "too_large", message.value.value_or(std::string_view()), true);
}

void RecordShaper::append_headers(const MessageView& message, std::string& line) {
  if (message.headers == nullptr) return;
  const auto& headers = *message.headers;
  const size_t begin = line.size();
  for (size_t i = 0; i < headers.size(); ++i) {
    const auto same = [&](const auto& other) { return other.first == headers[i].first; };
    const auto here = headers.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(headers.begin(), here, same)) continue;  // written with the first of its name
    if (line.size() > begin) line += ',';
    const std::string_view name = headers[i].first;
    std::string replaced;
    if (!is_valid_utf8(name)) {
      for (const char c : name) replaced += static_cast<unsigned char>(c) < 0x80 ? c : '?';
    }
    append_json_string(line, replaced.empty() ? name : std::string_view(replaced));
    line += ':';
    const bool repeated = std::any_of(here + 1, headers.end(), same);
    if (repeated) line += '[';
    append_header_value(line, headers[i].second);
    for (auto other = here + 1; repeated && other != headers.end(); ++other) {
      if (!same(*other)) continue;
      line += ',';
      append_header_value(line, other->second);
    }
    if (repeated) line += ']';
  }
}

}  // namespace streamutils::kafka
