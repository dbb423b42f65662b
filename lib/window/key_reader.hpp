// SPDX-License-Identifier: Apache-2.0
// A record's key: the canonical JSON of its key fields joined by ','.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.hpp"

namespace streamutils::window {

inline constexpr size_t kMaxKeyBytes = 4096;

class KeyReader {
 public:
  /// `slots`: the key fields' slots in the FieldSet that the values come from.
  explicit KeyReader(std::vector<size_t> slots) : slots_(std::move(slots)) {}

  /// Sets `key`, which lives as long as the record and `text` as it is, in which it may be made. Returns the reason as
  /// a side record carries it when there is none ("missing_key", "bad_key" for arrays, objects and numbers out of
  /// range, "key_too_large"), else empty.
  std::string_view read(std::span<const JsonValue> values, std::string& text, std::string_view& key) const;

 private:
  std::string_view canonical(std::span<const JsonValue> values, std::string& text, std::string_view& key) const;
  std::vector<size_t> slots_;
};

/// Cuts a key into its fields' texts. REQUIRES: `key` is a key of `parts.size()` fields.
void split_key(std::string_view key, std::span<std::string_view> parts);

}  // namespace streamutils::window
