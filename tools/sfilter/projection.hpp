// SPDX-License-Identifier: Apache-2.0
// Records made of some fields of others, each with its own bytes: --select alone.
//
// Invariant: what is written is what the members one by one would give; a newline stands behind each record, so that
// an encoder of lines can take many at once.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.hpp"
#include "lib/stream/batch.hpp"
#include "lib/stream/io_buffer.hpp"

namespace streamutils::sfilter {

class Projection {
 public:
  /// One more field. `quoted_name`: a JSON string.
  void add(size_t slot, std::string_view quoted_name);
  void clear() { text_.clear(); }
  /// Appends the record of these fields of another. REQUIRES: kJsonPadding readable bytes behind each value.
  Slice write(std::span<const JsonValue> values);
  /// What was written since clear(), padded; valid until the next write().
  [[nodiscard]] const char* data() const { return text_.data(); }

 private:
  struct Field {
    size_t slot = 0;
    size_t lead = 0, lead_size = 0;  // `,"name":`, in leads_
  };
  std::vector<Field> fields_;
  std::string leads_;  // padded
  size_t lead_bytes_ = 0;
  IoBuffer text_;
};

}  // namespace streamutils::sfilter
