// SPDX-License-Identifier: Apache-2.0
#include "lib/expr/expression.hpp"

#include "lib/expr/lexer.hpp"
#include "lib/expr/node.hpp"
#include "lib/expr/parser.hpp"

namespace streamutils::expr {

// One that was not compiled is the literal null, so that no call on it can fail.
Expression::Expression() : root_(std::make_unique<Node>(Op::literal)) {}
Expression::Expression(std::unique_ptr<Node> root) : root_(std::move(root)) {
  if (root_->op != Op::compare || root_->shape != Shape::field_string) return;
  if (root_->field_comparison != Comparison::equal) return;
  equal_slot_ = root_->slot;
  equal_text_ = root_->needle;
}
Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

Result<Expression> Expression::compile(std::string_view text, FieldSet& fields) {
  STREAM_ASSIGN(const std::vector<Token> tokens, lex(text));
  Parser parser(text, tokens, 0, false);
  STREAM_ASSIGN(NodePtr root, parser.parse());
  const Token& next = tokens[parser.position()];
  if (next.kind != TokenKind::end) return Parser::unexpected(text, next);
  return Parser::finish(std::move(root), fields);
}

const std::vector<size_t>& Expression::slots() const { return slots_; }

}  // namespace streamutils::expr
