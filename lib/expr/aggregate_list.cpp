// SPDX-License-Identifier: Apache-2.0
#include "lib/expr/aggregate_list.hpp"

#include <algorithm>

#include "lib/expr/functions.hpp"
#include "lib/expr/lexer.hpp"
#include "lib/expr/node.hpp"
#include "lib/expr/parser.hpp"

namespace streamutils::expr {
namespace {

// Names of expressions are replaced by what they stand for, which doubles with every `b=a+a, c=b+b, …`.
constexpr size_t kMaxNodes = 4096;
constexpr size_t kMaxNodeDepth = 500;
constexpr size_t kMaxItems = 256;  // bounds how deep names can lead to names

/// An item whose fields have no slots yet: nothing is added to the caller's FieldSet before the whole list is good.
struct Draft {
  AggregateItem item;
  size_t offset = 0;
  std::vector<std::string> fields;  // as FieldSet::add takes them
  NodePtr where;
  NodePtr over_results;
  enum class Inlined : uint8_t { no, running, yes } inlined = Inlined::no;
};

std::string plain_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      static_cast<unsigned char>(c) >= 0x80;
    name += kept ? c : '_';
  }
  return name;
}

class ListParser {
 public:
  ListParser(std::string_view text, std::span<const Token> tokens) : text_(text), tokens_(tokens) {}

  Result<AggregateList> run(FieldSet& fields) {
    do {
      if (drafts_.size() == kMaxItems) return error(token(), fmt::format("more than {} results", kMaxItems));
      STREAM_TRY(parse_item());
    } while (take(TokenKind::comma));
    if (token().kind != TokenKind::end) return Parser::unexpected(text_, token());
    STREAM_TRY(check_names());
    for (Draft& draft : drafts_) STREAM_TRY(inline_names(draft));
    return finish(fields);
  }

 private:
  [[nodiscard]] const Token& token(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool take(TokenKind kind) {
    if (token().kind != kind) return false;
    ++at_;
    return true;
  }
  Status error(const Token& at, std::string_view message) const { return error_at(text_, at.offset, message); }

  Status unexpected(std::string_view wanted) const {
    if (token().kind == TokenKind::end) return error(token(), fmt::format("expected {}", wanted));
    return error(token(), fmt::format("expected {}, not '{}'", wanted, clipped(token().source)));
  }

  Status parse_item() {
    Draft draft;
    draft.offset = token().offset;
    draft.item.column = column_of(text_, draft.offset);
    if (token(1).kind == TokenKind::assign) {
      if (!token().plain || token().kind != TokenKind::path || is_keyword(token().source)) {
        return error(token(), fmt::format("'{}' cannot name a result", token().source));
      }
      draft.item.name = token().source;
      at_ += 2;
    }
    const bool call =
        token().kind == TokenKind::path && token(1).kind == TokenKind::left_paren && !find_function(token().source);
    STREAM_TRY(call ? parse_call(draft) : parse_expression(draft));
    drafts_.push_back(std::move(draft));
    return {};
  }

  Status parse_expression(Draft& draft) {
    if (token().kind == TokenKind::end || token().kind == TokenKind::comma) {
      return error(token(), "expected an aggregate, as in 'n=count()'");
    }
    const Token& first = token();
    STREAM_ASSIGN(draft.over_results, parse_tree(true));
    if (draft.item.name.empty()) return error(first, "an expression over results needs a name, as in 'rate=errors/n'");
    return {};
  }

  Result<NodePtr> parse_tree(bool over_results) {
    Parser parser(text_, tokens_, at_, over_results);
    STREAM_ASSIGN(NodePtr root, parser.parse());
    at_ = parser.position();
    return root;
  }

  Status parse_call(Draft& draft) {
    const Token& name = token();
    if (name.source.find('`') != std::string_view::npos) return error(name, "expected an aggregate function");
    AggregateItem& item = draft.item;
    item.function = name.source;
    at_ += 2;
    std::string text = item.function;
    if (token().kind != TokenKind::right_paren) STREAM_TRY(parse_field(draft, text));
    while (take(TokenKind::comma)) STREAM_TRY(parse_argument(draft, text));
    if (!take(TokenKind::right_paren)) {
      return error(token(),
                   fmt::format("expected ',' or ')'; {}() takes a field, not an expression: compute it before, "
                               "with sfilter --set",
                               item.function));
    }
    if (item.name.empty()) item.name = plain_name(text);
    return parse_condition(draft);
  }

  Status parse_field(Draft& draft, std::string& text) {
    if (token().kind == TokenKind::end) return error(token(), "expected a field or ')'");
    if (token().kind != TokenKind::path) return unexpected("a field");
    for (const std::string& part : token().parts) text += '_' + part;
    draft.fields.push_back(field_path(token().parts));
    ++at_;
    return {};
  }

  Status parse_argument(Draft& draft, std::string& text) {
    if (token().kind != TokenKind::path) {
      STREAM_TRY(parse_literal(draft.item));
      text += '_' + draft.item.arguments.back();
      return {};
    }
    if (!draft.item.arguments.empty()) {
      return error(token(), fmt::format("the field '{}' must stand before the numbers", token().source));
    }
    if (draft.fields.size() == kMaxCallFields) {
      return error(token(), fmt::format("a call takes at most {} fields", kMaxCallFields));
    }
    return parse_field(draft, text);
  }

  Status parse_literal(AggregateItem& item) {
    const std::string_view sign = take(TokenKind::minus) ? "-" : "";
    const bool number = token().kind == TokenKind::number;
    const bool word = token().kind == TokenKind::true_word || token().kind == TokenKind::false_word;
    const bool string = token().kind == TokenKind::string;
    if (!number && !sign.empty()) return error(token(), "expected a number behind '-'");
    if (!number && !word && !string) return unexpected("a field, a number or a string");
    item.arguments.push_back(std::string(sign) + (string ? token().text : std::string(token().source)));
    ++at_;
    return {};
  }

  /// What may stand behind a call: where EXPR, or nothing.
  Status parse_condition(Draft& draft) {
    if (token().kind == TokenKind::path && token().source == "where") {
      ++at_;
      STREAM_ASSIGN(draft.where, parse_tree(false));
      return {};
    }
    if (token().kind == TokenKind::comma || token().kind == TokenKind::end) return {};
    if (token().kind == TokenKind::path || token().kind == TokenKind::right_paren) {
      return Parser::unexpected(text_, token());
    }
    return error_at(text_, draft.offset,
                    fmt::format("give the call its own name and compute with that, as in 'x={}(…), y=x{}…'",
                                draft.item.function, token().source));
  }

  Draft* find(std::string_view name) {
    const auto found =
        std::find_if(drafts_.begin(), drafts_.end(), [&](const Draft& d) { return d.item.name == name; });
    return found == drafts_.end() ? nullptr : &*found;
  }

  Status check_names() {
    std::vector<const Draft*> sorted;
    for (const Draft& draft : drafts_) sorted.push_back(&draft);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Draft* a, const Draft* b) { return a->item.name < b->item.name; });
    for (size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i - 1]->item.name != sorted[i]->item.name) continue;
      return error_at(text_, sorted[i]->offset,
                      fmt::format("a second result '{}'; give it another name", sorted[i]->item.name));
    }
    return {};
  }

  /// Replaces the names of expressions in an expression by those expressions, so that it reads results of calls only.
  Status inline_names(Draft& draft) {
    if (!draft.over_results || draft.inlined == Draft::Inlined::yes) return {};
    if (draft.inlined == Draft::Inlined::running) {
      return error_at(text_, draft.offset, fmt::format("'{}' is computed from itself", draft.item.name));
    }
    draft.inlined = Draft::Inlined::running;
    size_t nodes = count(*draft.over_results);
    STREAM_TRY(inline_names(draft, draft.over_results, nodes));
    if (nodes > kMaxNodes || depth(*draft.over_results) > kMaxNodeDepth) {
      return error_at(text_, draft.offset,
                      fmt::format("'{}' is too large once the names in it are replaced", draft.item.name));
    }
    draft.inlined = Draft::Inlined::yes;
    return {};
  }

  Status inline_names(const Draft& owner, NodePtr& node, size_t& nodes) {
    if (node->op != Op::field) {
      for (NodePtr& arg : node->args) STREAM_TRY(inline_names(owner, arg, nodes));
      return {};
    }
    Draft* target = node->parts.size() == 1 ? find(node->parts.front()) : nullptr;
    if (!target) {
      std::string path;
      for (const std::string& part : node->parts) path.append(path.empty() ? "" : ".").append(part);
      return error_at(
          text_, node->offset,
          fmt::format("no result '{}'; only results of this list can be used here, as in 'x=sum({})'", path, path));
    }
    if (!target->over_results) return {};
    STREAM_TRY(inline_names(*target));
    // Checked before the copy: the target itself is within the limits, so a copy is too.
    nodes += count(*target->over_results);
    if (nodes <= kMaxNodes) node = clone(*target->over_results);
    return {};
  }

  Result<AggregateList> finish(FieldSet& fields) {
    AggregateList list;
    for (Draft& draft : drafts_) {
      for (const std::string& field : draft.fields) {
        STREAM_ASSIGN(const size_t slot, fields.add(field));
        draft.item.fields.push_back(slot);
      }
      if (draft.where) {
        STREAM_ASSIGN(draft.item.where, Parser::finish(std::move(draft.where), fields));
      }
      if (draft.over_results) {
        STREAM_ASSIGN(draft.item.over_results, Parser::finish(std::move(draft.over_results), list.results));
      }
      list.items.push_back(std::move(draft.item));
    }
    return list;
  }

  std::string_view text_;
  std::span<const Token> tokens_;
  size_t at_ = 0;
  std::vector<Draft> drafts_;
};

}  // namespace

Result<AggregateList> parse_aggregates(std::string_view text, FieldSet& fields) {
  STREAM_ASSIGN(const std::vector<Token> tokens, lex(text));
  return ListParser(text, tokens).run(fields);
}

}  // namespace streamutils::expr
