// SPDX-License-Identifier: Apache-2.0
#include "lib/json/record_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/base/bytes.hpp"
#include "lib/json/shape.hpp"
#include "lib/json/structurals.hpp"
#include "lib/json/text.hpp"
#include "lib/json/token.hpp"

namespace streamutils {
namespace {

struct Node;

/// One name wanted in an object: itself, or something inside it, or both.
struct Want {
  std::string name;
  size_t slot = kNoSlot;
  std::unique_ptr<Node> inside;
  uint64_t seen_in = 0;  // the last record that had it: of duplicates the first counts

  static constexpr size_t kNoSlot = SIZE_MAX;
};

/// The names wanted in one object. Remembers which of them stood at which place in the record before.
struct Node {
  std::vector<Want> wants;
  uint64_t lengths = 0;  // bit n: a name of n bytes is wanted; the last bit: or longer
  std::array<uint16_t, 32> last_at{};

  static uint64_t length_bit(size_t length) { return uint64_t{1} << std::min<size_t>(length, 63); }

  Want& add(const std::string& name) {
    for (Want& want : wants) {
      if (want.name == name) return want;
    }
    lengths |= length_bit(name.size());
    wants.emplace_back().name = name;
    return wants.back();
  }

  Want* match(std::string_view name, size_t place) {
    const bool remembered = place < last_at.size() && last_at[place] < wants.size();
    if (remembered && same_bytes(wants[last_at[place]].name, name)) return &wants[last_at[place]];
    if ((lengths & length_bit(name.size())) == 0) return nullptr;
    for (size_t i = 0; i < wants.size(); ++i) {
      if (!same_bytes(wants[i].name, name)) continue;
      if (place < last_at.size()) last_at[place] = static_cast<uint16_t>(std::min<size_t>(i, UINT16_MAX));
      return &wants[i];
    }
    return nullptr;
  }
};

}  // namespace

/// Walks the tokens of one record. Every function that reads leaves `at_` behind what it read.
struct RecordParser::Impl {
  Impl(const FieldSet& fields, ParseLimits limits)
      : structurals_(limits.max_bytes), max_bytes_(limits.max_bytes), max_depth_(limits.max_depth) {
    for (size_t slot = 0; slot < fields.size(); ++slot) {
      Node* node = &root_;
      const std::vector<std::string>& parts = fields.parts(slot);
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        Want& want = node->add(parts[i]);
        if (!want.inside) want.inside = std::make_unique<Node>();
        node = want.inside.get();
      }
      node->add(parts.back()).slot = slot;
    }
  }

  /// Finds the tokens; `none` when the record starts as an object.
  ParseError begin(std::string_view record) {
    if (const ParseError error = structurals_.find(record); error != ParseError::none) return error;
    text_ = record.data();
    position_ = structurals_.positions();
    count_ = structurals_.size();
    at_ = 0;
    has_escapes_ = std::memchr(text_, '\\', record.size()) != nullptr;
    if (peek() == '{') return ParseError::none;
    JsonValue ignored;
    if (const ParseError error = read_value(ignored, 0); error != ParseError::none) return error;
    return at_ == count_ ? ParseError::not_object : ParseError::not_json;
  }

  /// The first byte of the next token; NUL, which begins none, at the end of the record.
  [[nodiscard]] char peek() const { return at_ < count_ ? text_[position_[at_]] : '\0'; }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  /// The next token without the white space behind it.
  std::string_view take_token() {
    const char* begin = text_ + position_[at_];
    const char* end = text_ + position_[++at_];
    while (is_json_space(end[-1])) --end;  // stops at `begin` at the latest, which is none
    return {begin, static_cast<size_t>(end - begin)};
  }

  bool take_string(JsonValue& value) {
    if (peek() != '"') return false;
    value.type = JsonType::string;
    value.raw = take_token();
    if (value.raw.size() < 2 || value.raw.back() != '"') return false;
    const std::string_view body = value.string_body();
    value.escaped = has_escapes_ && body.find('\\') != std::string_view::npos;
    return !value.escaped || has_valid_escapes(body);
  }

  bool take_atom(JsonValue& value, JsonType type, std::string_view text) {
    value.type = type;
    value.escaped = false;
    value.raw = take_token();
    return value.raw == text;
  }

  bool take_number(JsonValue& value) {
    value.type = JsonType::number;
    value.escaped = false;
    value.raw = take_token();
    return is_json_number(value.raw);
  }

  bool take_scalar(JsonValue& value) {
    switch (peek()) {
      case '"':
        return take_string(value);
      case 't':
        return take_atom(value, JsonType::boolean, "true");
      case 'f':
        return take_atom(value, JsonType::boolean, "false");
      case 'n':
        return take_atom(value, JsonType::null, "null");
      case '\0':
        return false;
      default:
        return take_number(value);
    }
  }

  bool take_key(JsonValue& key) { return take_string(key) && take(':'); }

  bool open(size_t depth) {
    if (depth > max_depth_) return false;
    if (nesting_.size() < depth) nesting_.resize(depth);
    nesting_[depth - 1] = peek() == '{' ? '}' : ']';
    ++at_;
    return true;
  }

  /// Closes all containers that end here, down to `outside`, and then takes the comma before the next value.
  bool close(size_t& depth, size_t outside) {
    while (take(nesting_[depth - 1])) {
      if (--depth == outside) return true;
    }
    return take(',');
  }

  /// Reads an array or object that lies `outside` deep. Iterative: hostile depth costs no stack.
  ParseError skip_container(size_t outside) {
    size_t depth = outside + 1;
    if (!open(depth)) return ParseError::too_deep;
    bool fresh = true;
    JsonValue ignored;
    while (depth > outside) {
      if (!fresh || peek() != nesting_[depth - 1]) {
        if (nesting_[depth - 1] == '}' && !take_key(ignored)) return ParseError::not_json;
        fresh = peek() == '{' || peek() == '[';
        if (fresh) {
          if (!open(++depth)) return ParseError::too_deep;
          continue;
        }
        if (!take_scalar(ignored)) return ParseError::not_json;
      }
      fresh = false;
      if (!close(depth, outside)) return ParseError::not_json;
    }
    return ParseError::none;
  }

  /// Makes `value` the container between token `first` and the last token taken.
  void set_container(JsonValue& value, size_t first) const {
    const char* begin = text_ + position_[first];
    value.type = *begin == '{' ? JsonType::object : JsonType::array;
    value.escaped = false;
    value.raw = {begin, position_[at_ - 1] + 1 - position_[first]};
  }

  /// Reads one value that lies `depth` containers deep.
  ParseError read_value(JsonValue& value, size_t depth) {
    const char c = peek();
    if (c != '{' && c != '[') return take_scalar(value) ? ParseError::none : ParseError::not_json;
    const size_t first = at_;
    const ParseError error = skip_container(depth);
    if (error == ParseError::none) set_container(value, first);
    return error;
  }

  /// Calls `member(key, place)`, which reads the value, for each member of the object that starts here.
  template <class ReadMember>
  ParseError read_object(size_t depth, ReadMember member) {
    if (depth > max_depth_) return ParseError::too_deep;
    ++at_;
    if (take('}')) return ParseError::none;
    JsonValue key;
    for (size_t place = 0;; ++place) {
      if (!take_key(key)) return ParseError::not_json;
      if (const ParseError error = member(key, place); error != ParseError::none) return error;
      if (take(',')) continue;
      return take('}') ? ParseError::none : ParseError::not_json;
    }
  }

  Want* match(Node& node, const JsonValue& key, size_t place) {
    if (!key.escaped) return node.match(key.string_body(), place);
    unescaped_key_.clear();
    append_unescaped(unescaped_key_, key.string_body());
    return node.match(unescaped_key_, place);
  }

  /// Reads the object that starts here as the `depth`th, filling the slots that `node` and its children want.
  ParseError project(Node& node, size_t depth, std::span<JsonValue> values) {
    return read_object(depth, [&](const JsonValue& key, size_t place) {
      JsonValue value;
      Want* want = match(node, key, place);
      if (want == nullptr || want->seen_in == record_) return read_value(value, depth);
      want->seen_in = record_;
      const size_t first = at_;
      const bool nested = want->inside && peek() == '{';
      const ParseError error = nested ? project(*want->inside, depth + 1, values) : read_value(value, depth);
      if (error != ParseError::none) return error;
      if (nested) set_container(value, first);
      if (want->slot != Want::kNoSlot) values[want->slot] = value;
      return error;
    });
  }

  /// What is left to say when the record's object is read.
  [[nodiscard]] ParseError finish(ParseError error) const {
    return error == ParseError::none && at_ != count_ ? ParseError::not_json : error;
  }

  Shapes shapes_;
  Structurals structurals_;
  size_t max_bytes_;
  size_t max_depth_;
  Node root_;
  uint64_t record_ = 0;        // counts the records
  std::vector<char> nesting_;  // the closing bracket of each open container
  std::string unescaped_key_;

  const char* text_ = nullptr;
  const uint32_t* position_ = nullptr;  // of each token, and behind them the length of the record
  size_t count_ = 0;
  size_t at_ = 0;
  bool has_escapes_ = false;  // a backslash anywhere in the record
};

std::string_view reason(ParseError error) {
  switch (error) {
    case ParseError::none:
      return "";
    case ParseError::not_json:
      return "not_json";
    case ParseError::not_object:
      return "not_object";
    case ParseError::bad_utf8:
      return "bad_utf8";
    case ParseError::too_deep:
      return "too_deep";
    case ParseError::too_large:
      return "too_large";
  }
  return "not_json";
}

RecordParser::RecordParser(const FieldSet& fields, ParseLimits limits)
    : impl_(std::make_unique<Impl>(fields, limits)) {}
RecordParser::~RecordParser() = default;
RecordParser::RecordParser(RecordParser&&) noexcept = default;
RecordParser& RecordParser::operator=(RecordParser&&) noexcept = default;

ParseError RecordParser::parse(std::string_view record, std::span<JsonValue> values) {
  if (record.size() <= impl_->max_bytes_ && impl_->shapes_.match(record, values)) return ParseError::none;
  std::fill(values.begin(), values.end(), JsonValue{});
  if (const ParseError error = impl_->begin(record); error != ParseError::none) return error;
  ++impl_->record_;
  const ParseError error = impl_->finish(impl_->project(impl_->root_, 1, values));
  if (error == ParseError::none) impl_->shapes_.learn(record, impl_->position_, impl_->count_, values);
  return error;
}

ParseError RecordParser::parse_members(std::string_view record, std::vector<Member>& members) {
  members.clear();
  if (const ParseError error = impl_->begin(record); error != ParseError::none) return error;
  return impl_->finish(impl_->read_object(1, [&](const JsonValue& key, size_t) {
    Member& member = members.emplace_back();
    member.raw_key = key.raw;
    return impl_->read_value(member.value, 1);
  }));
}

bool is_json_value(std::string_view text) {
  thread_local RecordParser parser((FieldSet()));
  thread_local std::vector<RecordParser::Member> members;
  std::string record = R"({"":)";
  record += text;
  record += '}';
  const size_t size = record.size();
  record.append(kJsonPadding, ' ');
  return parser.parse_members(std::string_view(record).substr(0, size), members) == ParseError::none &&
         members.size() == 1 && members[0].value.raw.size() == text.size();
}

}  // namespace streamutils
