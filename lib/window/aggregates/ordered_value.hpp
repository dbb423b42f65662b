// SPDX-License-Identifier: Apache-2.0
// A number or a string kept in a row, in the order that min, max, argmin and their like use: numbers by exact value,
// then strings by the bytes of their UTF-8. Booleans, arrays and objects have no order here: "not_comparable".
//
// Thread rule: as the row. 16 bytes; an allocation only for strings and for numbers of more than 18 digits.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "lib/expr/expression.hpp"
#include "lib/json/decimal.hpp"
#include "lib/json/value.hpp"
#include "lib/stream/state.hpp"
#include "lib/window/aggregates/number.hpp"

namespace streamutils::window {

/// A value that is compared and perhaps kept: read once from a record.
struct OrderedKey {
  ShortNumber brief;           ///< unless one of the others is there
  std::optional<Decimal> big;  ///< a number that is too long for it
  bool is_text = false;
  std::string_view text;  ///< a string's bytes, unescaped; of the record, of `scratch` or of the value that it is of

  /// REQUIRES: OrderedValue::check(value) was empty. Lives as long as the record and `scratch`.
  static void read(const JsonValue& value, expr::Scratch& scratch, OrderedKey& key);
};

class OrderedValue {
 public:
  /// Empty, or why the value has no order.
  static std::string_view check(const JsonValue& value) {
    if (value.type == JsonType::string) return {};
    return value.type == JsonType::number ? check_number(value) : "not_comparable";
  }

  OrderedValue() = default;
  OrderedValue(const OrderedValue&) = delete;
  OrderedValue& operator=(const OrderedValue&) = delete;
  ~OrderedValue() { clear(); }

  [[nodiscard]] bool empty() const { return kind_ == Kind::empty; }
  /// Below 0 when `key` comes before this, above 0 when behind, 0 when equal. REQUIRES: not empty.
  [[nodiscard]] int compare(const OrderedKey& key) const {
    if (kind_ == Kind::brief && !key.is_text && !key.big) {
      if (scale_ == key.brief.scale) {
        return key.brief.coefficient < brief_ ? -1 : key.brief.coefficient > brief_ ? 1 : 0;
      }
      // Both sides below 10^36.
      const Wide mine = brief_ * kWidePowersOfTen[static_cast<size_t>(key.brief.scale)];
      const Wide theirs = key.brief.coefficient * kWidePowersOfTen[scale_];
      return theirs < mine ? -1 : theirs > mine ? 1 : 0;
    }
    return compare_slow(key);
  }
  /// The same for a value that is not empty.
  [[nodiscard]] int compare(const OrderedValue& other) const {
    if (kind_ != Kind::brief || other.kind_ != Kind::brief || scale_ != other.scale_) return compare(other.key());
    return other.brief_ < brief_ ? -1 : other.brief_ > brief_ ? 1 : 0;
  }
  void assign(const OrderedValue& other) {
    if (kind_ > Kind::brief || other.kind_ != Kind::brief) return assign(other.key());
    kind_ = Kind::brief;
    brief_ = other.brief_;
    scale_ = other.scale_;
  }
  void assign(const OrderedKey& key) {
    if (kind_ > Kind::brief || key.is_text || key.big) return assign_slow(key);
    kind_ = Kind::brief;
    brief_ = key.brief.coefficient;
    scale_ = static_cast<uint8_t>(key.brief.scale);
  }
  /// This as a key; lives as long as this is not assigned to. REQUIRES: not empty.
  [[nodiscard]] OrderedKey key() const;

  /// As JSON; null when empty.
  void append(std::string& out) const;
  [[nodiscard]] size_t extra_bytes() const;
  // Saved: 0; or 1 and the number as canonical JSON; or 2 and the string's bytes.
  void save(StateWriter& out) const;
  /// REQUIRES: empty.
  bool load(StateReader& in);

 private:
  enum class Kind : uint8_t { empty, brief, big, text };

  [[nodiscard]] Decimal number() const { return kind_ == Kind::big ? *big_ : to_decimal(brief_, scale_); }
  [[nodiscard]] int compare_slow(const OrderedKey& key) const;
  void assign_slow(const OrderedKey& key);
  void clear() {
    if (kind_ == Kind::big) delete big_;
    if (kind_ == Kind::text) delete text_;
    kind_ = Kind::empty;
  }

  union {
    int64_t brief_ = 0;
    Decimal* big_;
    std::string* text_;
  };
  Kind kind_ = Kind::empty;
  uint8_t scale_ = 0;
};

}  // namespace streamutils::window
