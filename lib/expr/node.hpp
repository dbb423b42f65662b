// SPDX-License-Identifier: Apache-2.0
// The parsed tree of an expression.
//
// Invariants:
//  1. Chains (a && b && c, a + b - c) are one node with many arguments: evaluation recurses with the nesting of the
//     text, never with its length.
//  2. Parsing builds the nodes, prepare() makes them ready to run; after that nothing changes any more.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/expr/value.hpp"

namespace re2 {
class RE2;
}

namespace streamutils::expr {

struct FunctionInfo;

enum class Op : uint8_t { literal, field, any, all, negation, compare, match, in, sum, product, minus, call };
enum class Comparison : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

/// How a comparison runs. The first three read a field's raw bytes and need no Value.
enum class Shape : uint8_t { field_string, field_number, null_test, general };

/// The literals of in (…), sorted for look-up.
struct LiteralSet {
  std::vector<std::string_view> strings;
  std::vector<int64_t> integers;
  std::vector<Decimal> decimals;
  bool has_null = false;
  bool has_true = false;
  bool has_false = false;
};

struct Node {
  explicit Node(Op kind, size_t at = 0) : op(kind), offset(at) {}

  Op op;
  Comparison comparison = Comparison::equal;
  size_t offset;  ///< where it stands in the text, for errors
  std::vector<std::unique_ptr<Node>> args;

  Value literal;                   ///< a string's view is of `text`
  std::string text;                ///< a string literal; a pattern
  std::vector<std::string> parts;  ///< a field's path
  std::vector<char> signs;         ///< of a sum or product: signs[i] stands before args[i]; signs[0] means nothing
  const FunctionInfo* function = nullptr;
  std::shared_ptr<const re2::RE2> regex;

  // Filled by prepare() and by Parser::finish().
  size_t slot = 0;  ///< of a field, and of a comparison that reads one directly
  Shape shape = Shape::general;
  Comparison field_comparison = Comparison::equal;  ///< as if the field stood on the left
  std::string_view needle;                          ///< field_string
  Decimal number;                                   ///< field_number
  int64_t integer = 0;                              ///< field_number, when it is one
  bool is_integer = false;
  std::unique_ptr<LiteralSet> set;  ///< in
  std::vector<const Node*> others;  ///< in: the elements that are not literals
};

using NodePtr = std::unique_ptr<Node>;

/// A copy as parsed: prepare() is still to be called.
NodePtr clone(const Node& node);
/// Readies a tree whose fields have their slots.
void prepare(Node& node);
/// Nodes on the longest way down, and in all.
size_t depth(const Node& node);
size_t count(const Node& node);

}  // namespace streamutils::expr
