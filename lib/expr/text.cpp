// SPDX-License-Identifier: Apache-2.0
// Values and trees back to text.
#include "lib/json/text.hpp"

#include "lib/expr/expression.hpp"
#include "lib/expr/functions.hpp"
#include "lib/expr/lexer.hpp"
#include "lib/expr/node.hpp"

namespace streamutils::expr {
namespace {

// How tightly an operation binds; an operand that binds less needs parentheses.
enum Binding : int { kAny = 1, kAll, kNot, kComparison, kSum, kProduct, kUnary, kPrimary };

Binding binding(const Node& node) {
  switch (node.op) {
    case Op::any:
      return kAny;
    case Op::all:
      return kAll;
    case Op::negation:
      return kNot;
    case Op::compare:
    case Op::match:
    case Op::in:
      return kComparison;
    case Op::sum:
      return kSum;
    case Op::product:
      return kProduct;
    case Op::minus:
      return kUnary;
    default:
      return kPrimary;
  }
}

std::string_view sign_of(Comparison comparison) {
  constexpr std::string_view kSigns[] = {" == ", " != ", " < ", " <= ", " > ", " >= "};
  return kSigns[static_cast<size_t>(comparison)];
}

void append(std::string& out, const Node& node, int least);

void append_list(std::string& out, const Node& node, size_t first) {
  out += '(';
  for (size_t i = first; i < node.args.size(); ++i) {
    if (i > first) out += ", ";
    append(out, *node.args[i], kAny);
  }
  out += ')';
}

void append_chain(std::string& out, const Node& node) {
  const int inner = binding(node) + 1;
  for (size_t i = 0; i < node.args.size(); ++i) {
    if (i > 0 && node.op == Op::any) {
      out += " || ";
    } else if (i > 0 && node.op == Op::all) {
      out += " && ";
    } else if (i > 0) {
      out += ' ';
      out += node.signs[i];
      out += ' ';
    }
    append(out, *node.args[i], inner);
  }
}

void append_bare(std::string& out, const Node& node) {
  switch (node.op) {
    case Op::literal:
      return append_json(out, node.literal);
    case Op::field:
      out += path_text(node.parts);
      return;
    case Op::any:
    case Op::all:
    case Op::sum:
    case Op::product:
      return append_chain(out, node);
    case Op::negation:
      out += '!';
      return append(out, *node.args[0], kNot);
    case Op::minus:
      out += '-';
      return append(out, *node.args[0], kUnary);
    case Op::compare:
      append(out, *node.args[0], kSum);
      out += sign_of(node.comparison);
      return append(out, *node.args[1], kSum);
    case Op::match:
      append(out, *node.args[0], kSum);
      out += " =~ ";
      return append_json_string(out, node.text);
    case Op::in:
      append(out, *node.args[0], kSum);
      out += " in ";
      return append_list(out, node, 1);
    case Op::call:
      out += node.function->name;
      return append_list(out, node, 0);
  }
}

void append(std::string& out, const Node& node, int least) {
  const bool parentheses = binding(node) < least;
  if (parentheses) out += '(';
  append_bare(out, node);
  if (parentheses) out += ')';
}

}  // namespace

std::string path_text(const std::vector<std::string>& parts) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '.';
    const bool keyword = parts.size() == 1 && is_keyword(parts[i]);
    if (is_plain_part(parts[i], i == 0) && !keyword) {
      out += parts[i];
      continue;
    }
    out += '`';
    for (const char c : parts[i]) {
      out += c;
      if (c == '`') out += c;
    }
    out += '`';
  }
  return out;
}

void append_json(std::string& out, const Value& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    append_json_string(out, *text);
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    fmt::format_to(std::back_inserter(out), "{}", *integer);
  } else if (const auto* decimal = std::get_if<Decimal>(&value)) {
    decimal->append_json(out);
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    out += *truth ? "true" : "false";
  } else if (const auto* opaque = std::get_if<Opaque>(&value)) {
    out += opaque->raw;
  } else {
    out += "null";
  }
}

std::string Expression::text() const {
  std::string out;
  append(out, *root_, kAny);
  return out;
}

}  // namespace streamutils::expr
