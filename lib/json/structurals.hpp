// SPDX-License-Identifier: Apache-2.0
// The structural characters of one JSON text: where its brackets, colons, commas, strings, numbers and atoms begin.
//
// This is simdjson's first stage alone. Its On-Demand front end accepts `{"a":1,"b":tru}`, trailing garbage and two
// objects on one line, and its DOM rejects 1e400: so RecordParser walks the positions itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lib/json/record_parser.hpp"

namespace streamutils {

/// Invariants after find() returned `none`:
///  1. Between one position and the next lies one token, followed by white space only. A token that starts with a quote
///     ends with the quote that closes it; no string holds a raw control character.
///  2. positions()[size()] is the length of the text.
///  3. The text is valid UTF-8.
/// Thread rule: one thread at a time. No allocation once it has seen its longest text.
class Structurals {
 public:
  explicit Structurals(size_t max_bytes);
  ~Structurals();
  Structurals(const Structurals&) = delete;
  Structurals& operator=(const Structurals&) = delete;

  /// `too_large` above max_bytes, `bad_utf8`, or `not_json` when a string is open at the end, a string holds a control
  /// character, or there is nothing but white space. Reads no byte beyond `text`.
  ParseError find(std::string_view text);
  [[nodiscard]] const uint32_t* positions() const { return positions_; }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Stage;
  std::unique_ptr<Stage> stage_;
  size_t max_bytes_;
  const uint32_t* positions_ = nullptr;
  size_t size_ = 0;
};

}  // namespace streamutils
