// SPDX-License-Identifier: Apache-2.0
#include "lib/expr/node.hpp"

#include <algorithm>

namespace streamutils::expr {
namespace {

Comparison mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::less:
      return Comparison::greater;
    case Comparison::less_equal:
      return Comparison::greater_equal;
    case Comparison::greater:
      return Comparison::less;
    case Comparison::greater_equal:
      return Comparison::less_equal;
    default:
      return comparison;
  }
}

bool is_null_literal(const Node& node) { return node.op == Op::literal && std::holds_alternative<Null>(node.literal); }

void prepare_comparison(Node& node) {
  const Node* left = node.args[0].get();
  const Node* right = node.args[1].get();
  const bool equality = node.comparison == Comparison::equal || node.comparison == Comparison::not_equal;
  if (equality && (is_null_literal(*left) || is_null_literal(*right))) {
    node.shape = Shape::null_test;
    return;
  }
  node.field_comparison = node.comparison;
  if (left->op == Op::literal) {
    std::swap(left, right);
    node.field_comparison = mirrored(node.comparison);
  }
  if (left->op != Op::field || right->op != Op::literal) return;
  node.slot = left->slot;
  if (const auto* text = std::get_if<std::string_view>(&right->literal)) {
    node.shape = Shape::field_string;
    node.needle = *text;
  } else if (const auto* integer = std::get_if<int64_t>(&right->literal)) {
    node.shape = Shape::field_number;
    node.integer = *integer;
    node.is_integer = true;
    node.number = Decimal(*integer);
  } else if (const auto* decimal = std::get_if<Decimal>(&right->literal)) {
    node.shape = Shape::field_number;
    node.number = *decimal;
  }
}

void prepare_set(Node& node) {
  node.set = std::make_unique<LiteralSet>();
  node.others.clear();
  LiteralSet& set = *node.set;
  for (size_t i = 1; i < node.args.size(); ++i) {
    const Node& element = *node.args[i];
    if (element.op != Op::literal) {
      node.others.push_back(&element);
    } else if (const auto* text = std::get_if<std::string_view>(&element.literal)) {
      set.strings.push_back(*text);
    } else if (const auto* integer = std::get_if<int64_t>(&element.literal)) {
      set.integers.push_back(*integer);
    } else if (const auto* decimal = std::get_if<Decimal>(&element.literal)) {
      set.decimals.push_back(*decimal);
    } else if (const auto* truth = std::get_if<bool>(&element.literal)) {
      (*truth ? set.has_true : set.has_false) = true;
    } else {
      set.has_null = true;
    }
  }
  std::sort(set.strings.begin(), set.strings.end());
  std::sort(set.integers.begin(), set.integers.end());
  std::sort(set.decimals.begin(), set.decimals.end());
}

}  // namespace

NodePtr clone(const Node& node) {
  auto copy = std::make_unique<Node>(node.op, node.offset);
  copy->comparison = node.comparison;
  copy->literal = node.literal;
  copy->text = node.text;
  if (std::holds_alternative<std::string_view>(node.literal)) copy->literal = std::string_view(copy->text);
  copy->parts = node.parts;
  copy->signs = node.signs;
  copy->function = node.function;
  copy->regex = node.regex;
  copy->args.reserve(node.args.size());
  for (const NodePtr& arg : node.args) copy->args.push_back(clone(*arg));
  return copy;
}

void prepare(Node& node) {
  for (const NodePtr& arg : node.args) prepare(*arg);
  if (node.op == Op::compare) prepare_comparison(node);
  if (node.op == Op::in) prepare_set(node);
}

size_t depth(const Node& node) {
  size_t deepest = 0;
  for (const NodePtr& arg : node.args) deepest = std::max(deepest, depth(*arg));
  return deepest + 1;
}

size_t count(const Node& node) {
  size_t nodes = 1;
  for (const NodePtr& arg : node.args) nodes += count(*arg);
  return nodes;
}

}  // namespace streamutils::expr
