// SPDX-License-Identifier: Apache-2.0
// Runs a tree over one record. Conditions are computed as Truth, without a Value: `event_type == "view"` is one memcmp
// of the record's own bytes, `status >= 500` one integer.
#include <algorithm>
#include <array>

#include "lib/base/bytes.hpp"
#include "lib/expr/expression.hpp"
#include "lib/expr/functions.hpp"
#include "lib/expr/node.hpp"
#include "lib/json/text.hpp"
#include "re2/re2.h"

namespace streamutils::expr {
namespace {

enum class Truth : uint8_t { no, yes, unknown };

Truth truth_of(bool value) { return value ? Truth::yes : Truth::no; }

/// Gives back the strings computed for a condition once its truth is known: what one record may cost is then bound by
/// the nesting of the expression, not by its length.
class ScratchScope {
 public:
  explicit ScratchScope(Scratch& scratch) : scratch_(scratch), mark_(scratch.mark()) {}
  ~ScratchScope() { scratch_.release(mark_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  Scratch& scratch_;
  size_t mark_;
};

template <class Ordering>
Truth judge(Comparison comparison, Ordering order) {
  switch (comparison) {
    case Comparison::equal:
      return truth_of(order == 0);
    case Comparison::not_equal:
      return truth_of(order != 0);
    case Comparison::less:
      return truth_of(order < 0);
    case Comparison::less_equal:
      return truth_of(order <= 0);
    case Comparison::greater:
      return truth_of(order > 0);
    default:
      return truth_of(order >= 0);
  }
}

Truth judge_different_types(Comparison comparison) {
  if (comparison == Comparison::equal) return Truth::no;
  return comparison == Comparison::not_equal ? Truth::yes : Truth::unknown;
}

Truth compare_values(Comparison comparison, const Value& left, const Value& right) {
  if (std::holds_alternative<Null>(left) || std::holds_alternative<Null>(right)) return Truth::unknown;
  if (left.index() == right.index()) {
    if (const auto* a = std::get_if<int64_t>(&left)) return judge(comparison, *a <=> std::get<int64_t>(right));
    if (const auto* a = std::get_if<std::string_view>(&left)) {
      return judge(comparison, *a <=> std::get<std::string_view>(right));
    }
    if (const auto* a = std::get_if<Decimal>(&left)) return judge(comparison, *a <=> std::get<Decimal>(right));
    if (const auto* a = std::get_if<bool>(&left)) return judge(comparison, *a <=> std::get<bool>(right));
    return Truth::unknown;  // arrays and objects have no order, and one value has many texts
  }
  const auto* a = std::get_if<int64_t>(&left);
  const auto* b = std::get_if<int64_t>(&right);
  if (a && std::holds_alternative<Decimal>(right)) return judge(comparison, Decimal(*a) <=> std::get<Decimal>(right));
  if (b && std::holds_alternative<Decimal>(left)) return judge(comparison, std::get<Decimal>(left) <=> Decimal(*b));
  return judge_different_types(comparison);
}

class Run {
 public:
  Run(std::span<const JsonValue> values, Scratch& scratch) : values_(values), scratch_(scratch) {}

  Truth truth(const Node& node) {
    switch (node.op) {
      case Op::all:
        return chain(node, Truth::no, Truth::yes);
      case Op::any:
        return chain(node, Truth::yes, Truth::no);
      case Op::negation: {
        const Truth inner = truth(*node.args[0]);
        return inner == Truth::unknown ? inner : truth_of(inner == Truth::no);
      }
      case Op::compare:
        return compare(node);
      case Op::match:
        return match(node);
      case Op::in:
        return in(node);
      default: {
        const ScratchScope scope(scratch_);
        const Value result = value(node);
        const auto* condition = std::get_if<bool>(&result);
        return condition ? truth_of(*condition) : Truth::unknown;
      }
    }
  }

  Truth compare(const Node& node) {
    switch (node.shape) {
      case Shape::field_string:
        return compare_string(node, values_[node.slot]);
      case Shape::field_number:
        return compare_number(node, values_[node.slot]);
      case Shape::null_test:
        return test_null(node);
      default: {
        const ScratchScope scope(scratch_);
        const Value left = value(*node.args[0]);
        const Value right = value(*node.args[1]);
        return compare_values(node.comparison, left, right);
      }
    }
  }

  Value value(const Node& node) {
    switch (node.op) {
      case Op::literal:
        return node.literal;
      case Op::field:
        return field(values_[node.slot]);
      case Op::sum:
      case Op::product: {
        Value result = value(*node.args[0]);
        for (size_t i = 1; i < node.args.size() && !std::holds_alternative<Null>(result); ++i) {
          result = arithmetic(node.signs[i], result, value(*node.args[i]));
        }
        return result;
      }
      case Op::minus:
        return negated(value(*node.args[0]));
      case Op::call:
        return call(node);
      default: {
        const Truth result = truth(node);
        return result == Truth::unknown ? Value() : Value(result == Truth::yes);
      }
    }
  }

 private:
  /// && and ||: `decisive` as soon as one argument is, else unknown if one is, else `otherwise`.
  Truth chain(const Node& node, Truth decisive, Truth otherwise) {
    Truth result = otherwise;
    for (const NodePtr& arg : node.args) {
      const Truth one = truth(*arg);
      if (one == decisive) return decisive;
      if (one == Truth::unknown) result = Truth::unknown;
    }
    return result;
  }

  std::string_view string_of(const JsonValue& json) {
    if (!json.escaped) return json.string_body();
    std::string& out = scratch_.next();
    append_unescaped(out, json.string_body());
    return out;
  }

  Value field(const JsonValue& json) {
    switch (json.type) {
      case JsonType::boolean:
        return json.is_true();
      case JsonType::number:
        return number_value(json.raw);
      case JsonType::string:
        return string_of(json);
      case JsonType::array:
      case JsonType::object:
        return Opaque{json.raw};
      default:
        return {};
    }
  }

  Truth compare_string(const Node& node, const JsonValue& json) {
    if (json.type == JsonType::string) {
      if (!json.escaped && node.field_comparison == Comparison::equal) {
        return truth_of(same_bytes(json.string_body(), node.needle));
      }
      const ScratchScope scope(scratch_);
      const std::string_view text = string_of(json);
      return judge(node.field_comparison, text <=> node.needle);
    }
    return different(node, json);
  }

  Truth compare_number(const Node& node, const JsonValue& json) {
    if (json.type != JsonType::number) return different(node, json);
    int64_t integer = 0;
    if (read_small_integer(json.raw, integer)) {
      if (node.is_integer) return judge(node.field_comparison, integer <=> node.integer);
      return judge(node.field_comparison, Decimal(integer) <=> node.number);
    }
    const auto decimal = Decimal::parse(json.raw);
    return decimal ? judge(node.field_comparison, *decimal <=> node.number) : Truth::unknown;
  }

  static Truth different(const Node& node, const JsonValue& json) {
    const bool null = json.type == JsonType::missing || json.type == JsonType::null;
    return null ? Truth::unknown : judge_different_types(node.field_comparison);
  }

  Truth test_null(const Node& node) {
    const ScratchScope scope(scratch_);
    const bool both =
        std::holds_alternative<Null>(value(*node.args[0])) && std::holds_alternative<Null>(value(*node.args[1]));
    return truth_of(both == (node.comparison == Comparison::equal));
  }

  Truth match(const Node& node) {
    const ScratchScope scope(scratch_);
    const Value subject = value(*node.args[0]);
    const auto* text = std::get_if<std::string_view>(&subject);
    if (!text) return Truth::unknown;
    const re2::StringPiece piece(text->data(), text->size());
    return truth_of(node.regex->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, nullptr, 0));
  }

  /// The same as x == a || x == b || …
  Truth in(const Node& node) {
    const ScratchScope scope(scratch_);
    const Value subject = value(*node.args[0]);
    if (std::holds_alternative<Null>(subject)) return node.set->has_null ? Truth::yes : Truth::unknown;
    if (is_member(*node.set, subject)) return Truth::yes;
    Truth result = Truth::no;
    for (const Node* other : node.others) {
      const ScratchScope inner(scratch_);
      const Truth one = compare_values(Comparison::equal, subject, value(*other));
      if (one == Truth::yes) return one;
      if (one == Truth::unknown) result = one;
    }
    return result;
  }

  static bool is_member(const LiteralSet& set, const Value& subject) {
    const auto among = [](const auto& sorted, const auto& one) {
      return std::binary_search(sorted.begin(), sorted.end(), one);
    };
    if (const auto* text = std::get_if<std::string_view>(&subject)) return among(set.strings, *text);
    if (const auto* integer = std::get_if<int64_t>(&subject)) return among(set.integers, *integer);
    if (const auto* decimal = std::get_if<Decimal>(&subject)) return among(set.decimals, *decimal);
    if (const auto* truth = std::get_if<bool>(&subject)) return *truth ? set.has_true : set.has_false;
    return false;
  }

  Value call(const Node& node) {
    switch (node.function->special) {
      case Special::has:
        return values_[node.args[0]->slot].type != JsonType::missing;
      case Special::coalesce:
        for (const NodePtr& arg : node.args) {
          Value one = value(*arg);
          if (!std::holds_alternative<Null>(one)) return one;
        }
        return {};
      case Special::choice:
        return value(*node.args[truth(*node.args[0]) == Truth::yes ? 1 : 2]);
      default: {
        std::array<Value, kMaxEagerArguments> arguments;
        for (size_t i = 0; i < node.args.size(); ++i) arguments[i] = value(*node.args[i]);
        return node.function->run(std::span(arguments).first(node.args.size()), scratch_);
      }
    }
  }

  std::span<const JsonValue> values_;
  Scratch& scratch_;
};

}  // namespace

std::string& Scratch::next() {
  if (used_ == strings_.size()) strings_.push_back(std::make_unique<std::string>());
  std::string& string = *strings_[used_++];
  string.clear();
  return string;
}

Value Expression::evaluate(std::span<const JsonValue> values, Scratch& scratch) const {
  return Run(values, scratch).value(*root_);
}

bool Expression::is_true(std::span<const JsonValue> values, Scratch& scratch) const {
  return Run(values, scratch).truth(*root_) == Truth::yes;
}

}  // namespace streamutils::expr
