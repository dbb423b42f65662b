// SPDX-License-Identifier: Apache-2.0
// Tokens to a tree, by recursive descent.
#pragma once
#include <span>
#include <string_view>

#include "lib/expr/expression.hpp"
#include "lib/expr/lexer.hpp"
#include "lib/expr/node.hpp"

namespace streamutils::expr {

class Parser {
 public:
  /// Reads `tokens`, whose last is `end`, from `first` on. What an unknown function is depends on `over_results`:
  /// there, it is most likely an aggregate that wants a name. REQUIRES: text and tokens outlive the parser.
  Parser(std::string_view text, std::span<const Token> tokens, size_t first, bool over_results)
      : text_(text), tokens_(tokens), at_(first), over_results_(over_results) {}

  /// The longest expression from here. On failure: a usage error with the column.
  Result<NodePtr> parse();
  /// The index of the first token behind what was parsed.
  [[nodiscard]] size_t position() const { return at_; }

  /// The error of a token that cannot stand behind a whole expression.
  static Status unexpected(std::string_view text, const Token& token);

  /// Gives the fields their slots and readies the tree.
  static Result<Expression> finish(NodePtr root, FieldSet& fields);

 private:
  [[nodiscard]] const Token& token() const { return tokens_[at_]; }
  bool take(TokenKind kind);

  NodePtr any();
  NodePtr all();
  NodePtr negation();
  NodePtr comparison();
  NodePtr sum();
  NodePtr product();
  NodePtr unary();
  NodePtr primary();
  NodePtr logical_chain(Op op, TokenKind sign, NodePtr (Parser::*operand)());
  NodePtr arithmetic_chain(Op op, std::string_view signs, NodePtr (Parser::*operand)());
  NodePtr match(NodePtr subject);
  NodePtr in(NodePtr subject);
  NodePtr number();
  NodePtr call();
  bool arguments(Node& node);
  NodePtr check_call(NodePtr node, const Token& name);

  NodePtr expected(std::string_view what);
  NodePtr fail(size_t offset, std::string_view message);

  std::string_view text_;
  std::span<const Token> tokens_;
  size_t at_;
  bool over_results_;
  size_t depth_ = 0;
  Status error_;
};

}  // namespace streamutils::expr
