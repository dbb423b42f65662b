// SPDX-License-Identifier: Apache-2.0
// Field projection: one pass over a raw JSON record finds the wanted fields and proves the whole record valid.
//
// Thread rule: one RecordParser per thread; a FieldSet may be shared once built.
//
// Invariants:
//  1. A record is accepted exactly when it is one JSON object by RFC 8259 (any number by the grammar, 1e400 too), valid
//     UTF-8, no deeper than the limit, and nothing but white space follows it. Malformed parts of fields that
//     nobody wants are found as well.
//  2. Of duplicate fields the first counts.
//  3. No allocation per record once the parser is warm.
// Complexity: linear in the record's bytes.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/json/value.hpp"

namespace streamutils {

/// Readable bytes that must follow every record given to RecordParser (their content does not matter).
inline constexpr size_t kJsonPadding = 64;

/// The fields a program wants, each a path like "user_id" or "a.b" (nested). A literal dot in a name is written "\.".
class FieldSet {
 public:
  /// The slot of `path`, the same for the same path. On failure (empty path or part): a usage error.
  Result<size_t> add(std::string_view path);
  [[nodiscard]] size_t size() const { return paths_.size(); }
  /// The path of a slot as its unescaped parts.
  [[nodiscard]] const std::vector<std::string>& parts(size_t slot) const { return paths_[slot]; }
  /// The path of a slot as text that add() takes.
  [[nodiscard]] std::string text(size_t slot) const;

 private:
  std::vector<std::vector<std::string>> paths_;
};

enum class ParseError : uint8_t { none, not_json, not_object, bad_utf8, too_deep, too_large };
/// The reason as side records carry it: "not_json", "not_object", "bad_utf8", "too_deep", "too_large".
std::string_view reason(ParseError error);

struct ParseLimits {
  size_t max_bytes = 1 << 20;
  size_t max_depth = 64;
};

class RecordParser {
 public:
  explicit RecordParser(const FieldSet& fields, ParseLimits limits = {});
  ~RecordParser();
  RecordParser(RecordParser&&) noexcept;
  RecordParser& operator=(RecordParser&&) noexcept;

  /// Parses one record and fills `values` (REQUIRES: values.size() == fields.size(); REQUIRES: kJsonPadding readable
  /// bytes after the record). A field that is absent is `missing`. On an error the values are unspecified.
  ParseError parse(std::string_view record, std::span<JsonValue> values);

  struct Member {
    std::string_view raw_key;  ///< with quotes, as in the record
    JsonValue value;
  };
  /// Parses one record into all its top-level members in order, duplicates included. Views live as the record does.
  ParseError parse_members(std::string_view record, std::vector<Member>& members);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Is `text` one JSON value as a record may hold it, without white space around it? For what was saved and is read
/// again; it copies the text.
bool is_json_value(std::string_view text);

}  // namespace streamutils
