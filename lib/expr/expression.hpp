// SPDX-License-Identifier: Apache-2.0
// Expressions over a record's fields: parsed once, run per record. For --where, --set, --agg ... where, rules.
//
// Grammar, loosest first:  ||   &&   !   == != < <= > >= =~ in (…)   + -   * / %   unary -   calls, literals, fields, ( )
// Fields: user_id, a.b, `any name` in backquotes. Literals: 12, 1.5e3, "text" or 'text' (JSON escapes), true, false, null.
// Functions: has(f) starts_with(s, p) ends_with(s, p) contains(s, p) lower(s) upper(s) (A-Z only) length(s) abs(n) floor(n)
//            round(n[, places]) (halves away from zero) coalesce(a, …) if(c, a, b) string(x) number(x).
//
// Null rules (SQL's, as Flink): an absent field is null; arithmetic, comparison, =~ and functions of null give null, except has(),
// coalesce(), if(); `x == null` and `x != null` test for null and are never null; && and || are three-valued; a filter keeps
// a record only when the result is true. Comparing values of different types: == is false, != true, < and its kin null.
// Numbers are exact decimals; / rounds as Decimal::divide; division by zero gives null.
//
// Thread rule: an Expression is immutable and may be shared; a Scratch belongs to one thread.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/base/status.hpp"
#include "lib/expr/value.hpp"
#include "lib/json/record_parser.hpp"

namespace streamutils::expr {

struct Node;  // the parsed tree; its definition is in lib/expr/node.hpp

/// Memory for strings computed while one record is evaluated; clear() before the next record keeps the capacity.
class Scratch {
 public:
  void clear() { used_ = 0; }
  std::string& next();  ///< an empty string that lives until clear(); never moves
  /// The strings since a mark may be used again: none of them is needed any more.
  [[nodiscard]] size_t mark() const { return used_; }
  void release(size_t mark) { used_ = mark; }

 private:
  std::vector<std::unique_ptr<std::string>> strings_;
  size_t used_ = 0;
};

/// Bounds for untrusted expressions.
inline constexpr size_t kMaxExpressionBytes = 64 * 1024;
inline constexpr size_t kMaxExpressionDepth = 100;

class Expression {
 public:
  Expression();
  ~Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;

  /// Parses `text` and adds the fields it reads to `fields`. On failure: a usage error that quotes the text and points at
  /// the column: "--where: column 12: expected a value after '=='". Regular expressions are compiled here (RE2).
  static Result<Expression> compile(std::string_view text, FieldSet& fields);

  /// `values` are the record's, by slot of the FieldSet given to compile(). Never fails: what has no value is Null.
  [[nodiscard]] Value evaluate(std::span<const JsonValue> values, Scratch& scratch) const;
  /// True only when the result is true.
  [[nodiscard]] bool matches(std::span<const JsonValue> values, Scratch& scratch) const {
    // Most conditions are that a field is a certain string.
    if (equal_slot_ != kNone) {
      const JsonValue& value = values[equal_slot_];
      if (value.type == JsonType::string && !value.escaped) return same_bytes_as(equal_text_, value.string_body());
    }
    return is_true(values, scratch);
  }
  /// The slots that it reads.
  [[nodiscard]] const std::vector<size_t>& slots() const;
  /// The canonical text: equal for equal expressions whatever their white space; for fingerprints.
  [[nodiscard]] std::string text() const;

 private:
  friend class Parser;
  static constexpr size_t kNone = static_cast<size_t>(-1);

  explicit Expression(std::unique_ptr<Node> root);
  [[nodiscard]] bool is_true(std::span<const JsonValue> values, Scratch& scratch) const;

  std::unique_ptr<Node> root_;
  size_t equal_slot_ = kNone;  // when it is `field == "text"`
  std::string equal_text_;
  std::vector<size_t> slots_;
};

/// Appends `value` as JSON; strings escaped, decimals canonical, Opaque raw, Null as null.
void append_json(std::string& out, const Value& value);

}  // namespace streamutils::expr
