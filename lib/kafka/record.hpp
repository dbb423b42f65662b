// SPDX-License-Identifier: Apache-2.0
// From a Kafka message to a record of the stream: its value as it is where that is a line, else minified, wrapped, or a
// side record that says why not. Private to lib/kafka.
//
// Thread rule: one RecordShaper per thread.
// Complexity: one memchr over the value; only values with newlines and wrapped ones are parsed.
#pragma once
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/json/record_parser.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::kafka {

using Bytes = std::optional<std::string_view>;  ///< empty: null, which Kafka tells apart from no bytes

/// A view of one message; lives as long as the message.
struct MessageView {
  std::string_view topic;
  int32_t partition = 0;
  int64_t offset = 0;
  std::optional<int64_t> timestamp_ms;
  Bytes key;
  Bytes value;
  const std::vector<std::pair<std::string_view, Bytes>>* headers = nullptr;  ///< only needed for an envelope
};

class RecordShaper {
 public:
  /// `envelope`: records are wrapped as
  /// {"topic":T,"partition":P,"offset":O,"timestamp":MS|null,"key":K,"headers":{...},"value":V}: V is the value itself
  /// when it is JSON, else a string; bytes that are not UTF-8 become "key_base64" and "value_base64"; a header that
  /// occurs twice is an array.
  explicit RecordShaper(bool envelope, ParseLimits limits = {});

  /// Whether the record is the value as it is. False for what shape() has to look at.
  [[nodiscard]] bool is_record(std::string_view value) const {
    return !envelope_ && !value.empty() && value.size() <= limits_.max_bytes &&
           std::memchr(value.data(), '\n', value.size()) == nullptr;
  }
  /// Appends the record to `line` and returns true; or appends nothing, sets label, reason, record, full_size and hash
  /// of `side`, and returns false. The views in `side` live as long as the message.
  bool shape(const MessageView& message, std::string& line, SideRecord& side);

 private:
  bool shape_value(std::string_view value, std::string& line, SideRecord& side);
  bool wrap(const MessageView& message, std::string& line, SideRecord& side);
  void append_headers(const MessageView& message, std::string& line);
  ParseError check_json(std::string_view value);

  bool envelope_;
  ParseLimits limits_;
  RecordParser parser_;
  std::string padded_;
  std::vector<RecordParser::Member> members_;
};

}  // namespace streamutils::kafka
