// SPDX-License-Identifier: Apache-2.0
// Names made of a record's fields: `clicks:{user_id}:{window_start}`. `{{` and `}}` are the braces themselves.
//
// Thread rule: shared once parsed.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/json/record_parser.hpp"

namespace streamutils {

/// Bound of every rendered name (key, member, channel, path).
inline constexpr size_t kMaxNameBytes = 4096;

/// Appends a value as a name is to hold it: a string unescaped, anything else as it stands in the JSON.
void append_plain(std::string& out, const JsonValue& value);

class Template {
 public:
  /// Adds the fields it names to `fields`. On failure: a usage error that points at the column.
  static Result<Template> parse(std::string_view text, FieldSet& fields);

  enum class Outcome : uint8_t { ok, missing_field, not_scalar, too_long };
  /// Appends the name to `out`: strings unescaped, numbers, true, false and null as they stand in the JSON.
  /// When not ok, `out` holds a part of it and `*slot` is the field to blame.
  Outcome render(std::span<const JsonValue> values, std::string& out, size_t* slot) const {
    return render(values, out, slot, append_plain);
  }
  /// The same with each value appended by `append(out, value)`.
  template <class Append>
  Outcome render(std::span<const JsonValue> values, std::string& out, size_t* slot, Append&& append) const {
    const size_t start = out.size();
    for (const Piece& piece : pieces_) {
      out.append(piece.literal);
      const JsonValue& value = values[piece.slot];
      *slot = piece.slot;
      if (value.type == JsonType::missing) return Outcome::missing_field;
      if (value.type == JsonType::array || value.type == JsonType::object) return Outcome::not_scalar;
      append(out, value);
      if (out.size() - start > kMaxNameBytes) return Outcome::too_long;
    }
    out.append(tail_);
    return out.size() - start > kMaxNameBytes ? Outcome::too_long : Outcome::ok;
  }

  /// Does it name the field of this slot?
  [[nodiscard]] bool uses(size_t slot) const;

 private:
  struct Piece {
    std::string literal;  // then the field
    size_t slot;
  };
  std::vector<Piece> pieces_;
  std::string tail_;
};

/// The reason as side records carry it: "missing_field", "not_scalar", "name_too_long".
std::string_view reason(Template::Outcome outcome);

}  // namespace streamutils
