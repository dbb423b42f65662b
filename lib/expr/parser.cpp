// SPDX-License-Identifier: Apache-2.0
// A method that fails sets error_ and returns null, and so do its callers.
#include "lib/expr/parser.hpp"

#include <algorithm>
#include <optional>

#include "lib/expr/functions.hpp"
#include "re2/re2.h"

namespace streamutils::expr {
namespace {

constexpr int64_t kRegexBytes = 1 << 20;  // of one compiled pattern and its automata

std::optional<Comparison> comparison_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::equal:
      return Comparison::equal;
    case TokenKind::not_equal:
      return Comparison::not_equal;
    case TokenKind::less:
      return Comparison::less;
    case TokenKind::less_equal:
      return Comparison::less_equal;
    case TokenKind::greater:
      return Comparison::greater;
    case TokenKind::greater_equal:
      return Comparison::greater_equal;
    default:
      return std::nullopt;
  }
}

void collect_fields(Node& node, std::vector<Node*>& fields) {
  if (node.op == Op::field) fields.push_back(&node);
  for (const NodePtr& arg : node.args) collect_fields(*arg, fields);
}

/// Counts one level of nesting for as long as it lives.
class Level {
 public:
  explicit Level(size_t& depth) : depth_(depth) { ++depth_; }
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  [[nodiscard]] bool too_deep() const { return depth_ > kMaxExpressionDepth; }

 private:
  size_t& depth_;
};

}  // namespace

Result<NodePtr> Parser::parse() {
  NodePtr root = any();
  if (!root) return std::move(error_);
  return root;
}

bool Parser::take(TokenKind kind) {
  if (token().kind != kind) return false;
  ++at_;
  return true;
}

NodePtr Parser::fail(size_t offset, std::string_view message) {
  if (error_.ok()) error_ = error_at(text_, offset, message);
  return nullptr;
}

NodePtr Parser::expected(std::string_view what) {
  std::string message = fmt::format("expected {}", what);
  if (at_ > 0) message += fmt::format(" after '{}'", clipped(tokens_[at_ - 1].source));
  if (token().kind != TokenKind::end) message += fmt::format(", not '{}'", clipped(token().source));
  return fail(token().offset, message);
}

Status Parser::unexpected(std::string_view text, const Token& token) {
  if (token.kind == TokenKind::assign) return error_at(text, token.offset, "unexpected '='; write '==' to compare");
  if (token.kind == TokenKind::right_paren) return error_at(text, token.offset, "this ')' closes nothing");
  if (token.kind == TokenKind::comma) return error_at(text, token.offset, "unexpected ','");
  std::string lower(token.source.substr(0, 4));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
  std::string_view remedy;
  if (token.source.size() == 3 && lower == "and") remedy = "; write '&&'";
  if (token.source.size() == 2 && lower == "or") remedy = "; write '||'";
  if (token.source.size() == 3 && lower == "not") remedy = "; write '!(…)'";
  return error_at(text, token.offset, fmt::format("expected an operator before '{}'{}", clipped(token.source), remedy));
}

NodePtr Parser::logical_chain(Op op, TokenKind sign, NodePtr (Parser::*operand)()) {
  NodePtr first = (this->*operand)();
  if (!first || token().kind != sign) return first;
  auto chain = std::make_unique<Node>(op, first->offset);
  chain->args.push_back(std::move(first));
  while (take(sign)) {
    NodePtr next = (this->*operand)();
    if (!next) return nullptr;
    chain->args.push_back(std::move(next));
  }
  return chain;
}

NodePtr Parser::arithmetic_chain(Op op, std::string_view signs, NodePtr (Parser::*operand)()) {
  const auto is_sign = [&] {
    return token().source.size() == 1 && signs.find(token().source.front()) != std::string_view::npos;
  };
  NodePtr first = (this->*operand)();
  if (!first || !is_sign()) return first;
  auto chain = std::make_unique<Node>(op, first->offset);
  chain->args.push_back(std::move(first));
  chain->signs.push_back(' ');
  while (is_sign()) {
    chain->signs.push_back(token().source.front());
    ++at_;
    NodePtr next = (this->*operand)();
    if (!next) return nullptr;
    chain->args.push_back(std::move(next));
  }
  return chain;
}

NodePtr Parser::any() {
  const Level level(depth_);
  if (level.too_deep()) return fail(token().offset, fmt::format("nested deeper than {}", kMaxExpressionDepth));
  return logical_chain(Op::any, TokenKind::or_sign, &Parser::all);
}

NodePtr Parser::all() { return logical_chain(Op::all, TokenKind::and_sign, &Parser::negation); }

NodePtr Parser::negation() {
  if (token().kind != TokenKind::not_sign) return comparison();
  const Level level(depth_);
  if (level.too_deep()) return fail(token().offset, fmt::format("nested deeper than {}", kMaxExpressionDepth));
  auto node = std::make_unique<Node>(Op::negation, token().offset);
  ++at_;
  NodePtr inner = negation();
  if (!inner) return nullptr;
  node->args.push_back(std::move(inner));
  return node;
}

NodePtr Parser::comparison() {
  NodePtr left = sum();
  if (!left) return nullptr;
  const auto comparison = comparison_of(token().kind);
  if (comparison) {
    auto node = std::make_unique<Node>(Op::compare, left->offset);
    node->comparison = *comparison;
    ++at_;
    NodePtr right = sum();
    if (!right) return nullptr;
    node->args.push_back(std::move(left));
    node->args.push_back(std::move(right));
    left = std::move(node);
  } else if (take(TokenKind::match)) {
    left = match(std::move(left));
  } else if (take(TokenKind::in_word)) {
    left = in(std::move(left));
  } else {
    return left;
  }
  const TokenKind next = token().kind;
  if (left && (comparison_of(next) || next == TokenKind::match || next == TokenKind::in_word)) {
    return fail(token().offset, "comparisons do not chain; join two by '&&' or put one in parentheses");
  }
  return left;
}

NodePtr Parser::match(NodePtr subject) {
  if (token().kind != TokenKind::string) return expected("a pattern in quotes");
  auto node = std::make_unique<Node>(Op::match, subject->offset);
  node->text = token().text;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexBytes);
  node->regex = std::make_shared<const re2::RE2>(re2::StringPiece(node->text.data(), node->text.size()), options);
  if (!node->regex->ok()) {
    return fail(token().offset, fmt::format("bad pattern: {}", clipped(node->regex->error())));
  }
  ++at_;
  node->args.push_back(std::move(subject));
  return node;
}

NodePtr Parser::in(NodePtr subject) {
  auto node = std::make_unique<Node>(Op::in, subject->offset);
  node->args.push_back(std::move(subject));
  if (!take(TokenKind::left_paren)) return expected("'('");
  if (!arguments(*node)) return nullptr;
  if (node->args.size() == 1) return fail(tokens_[at_ - 1].offset, "expected at least one value in 'in (…)'");
  return node;
}

NodePtr Parser::sum() { return arithmetic_chain(Op::sum, "+-", &Parser::product); }
NodePtr Parser::product() { return arithmetic_chain(Op::product, "*/%", &Parser::unary); }

NodePtr Parser::unary() {
  if (token().kind != TokenKind::minus) return primary();
  const Level level(depth_);
  if (level.too_deep()) return fail(token().offset, fmt::format("nested deeper than {}", kMaxExpressionDepth));
  auto node = std::make_unique<Node>(Op::minus, token().offset);
  ++at_;
  NodePtr inner = unary();
  if (!inner) return nullptr;
  if (inner->op == Op::literal) {
    // -5 is a literal, so that comparisons with it are as quick as with 5.
    Value folded = negated(inner->literal);
    if (!std::holds_alternative<Null>(folded)) {
      inner->literal = std::move(folded);
      inner->offset = node->offset;
      return inner;
    }
  }
  node->args.push_back(std::move(inner));
  return node;
}

NodePtr Parser::primary() {
  const Token& first = token();
  auto literal = std::make_unique<Node>(Op::literal, first.offset);
  switch (first.kind) {
    case TokenKind::number:
      return number();
    case TokenKind::string:
      literal->text = first.text;
      literal->literal = std::string_view(literal->text);
      break;
    case TokenKind::true_word:
      literal->literal = true;
      break;
    case TokenKind::false_word:
      literal->literal = false;
      break;
    case TokenKind::null_word:
      break;
    case TokenKind::path:
      if (tokens_[at_ + 1].kind == TokenKind::left_paren) return call();
      literal->op = Op::field;
      literal->parts = first.parts;
      break;
    case TokenKind::left_paren: {
      ++at_;
      NodePtr inner = any();
      if (inner && !take(TokenKind::right_paren)) return expected("an operator or ')'");
      return inner;
    }
    case TokenKind::not_sign:
      return fail(first.offset, "'!' binds less than this; put '!…' in parentheses");
    default:
      return expected("a value");
  }
  ++at_;
  return literal;
}

NodePtr Parser::number() {
  auto node = std::make_unique<Node>(Op::literal, token().offset);
  node->literal = number_value(token().source);
  if (std::holds_alternative<Null>(node->literal)) return fail(token().offset, "number out of range");
  ++at_;
  return node;
}

/// The values up to the closing parenthesis.
bool Parser::arguments(Node& node) {
  if (take(TokenKind::right_paren)) return true;
  for (;;) {
    NodePtr argument = any();
    if (!argument) return false;
    node.args.push_back(std::move(argument));
    if (take(TokenKind::right_paren)) return true;
    if (!take(TokenKind::comma)) {
      expected("',' or ')'");
      return false;
    }
  }
}

NodePtr Parser::call() {
  const Token& name = token();
  auto node = std::make_unique<Node>(Op::call, name.offset);
  node->function = name.plain ? find_function(name.parts.front()) : nullptr;
  if (!node->function && over_results_) {
    return fail(name.offset, fmt::format("name the call '{}(…)' first, as in 'x={}(…)', and use that name here",
                                         clipped(name.source), clipped(name.source)));
  }
  if (!node->function) {
    return fail(name.offset, fmt::format("no function '{}'; there are {}", clipped(name.source), function_usages()));
  }
  at_ += 2;
  if (!arguments(*node)) return nullptr;
  return check_call(std::move(node), name);
}

NodePtr Parser::check_call(NodePtr node, const Token& name) {
  const FunctionInfo& function = *node->function;
  if (node->args.size() < function.min_arguments || node->args.size() > function.max_arguments) {
    return fail(name.offset, fmt::format("wrong number of arguments for {}", function.usage));
  }
  if (function.special == Special::has && node->args[0]->op != Op::field) {
    return fail(node->args[0]->offset, "has() takes a field");
  }
  return node;
}

Result<Expression> Parser::finish(NodePtr root, FieldSet& fields) {
  std::vector<Node*> nodes;
  collect_fields(*root, nodes);
  std::vector<size_t> slots;
  for (Node* node : nodes) {
    STREAM_ASSIGN(node->slot, fields.add(field_path(node->parts)));
    slots.push_back(node->slot);
  }
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  prepare(*root);
  Expression expression(std::move(root));
  expression.slots_ = std::move(slots);
  return expression;
}

}  // namespace streamutils::expr
