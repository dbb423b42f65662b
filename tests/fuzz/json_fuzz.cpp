// SPDX-License-Identifier: Apache-2.0
// RecordParser against the slow reference reader, and what must hold of every value it hands out.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/json/decimal.hpp"
#include "lib/json/record_parser.hpp"
#include "lib/json/text.hpp"
#include "tests/support/json_reference.hpp"

using namespace streamutils;

namespace {

constexpr ParseLimits kLimits{.max_bytes = 1 << 16, .max_depth = 8};

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// A record with its padding, on the heap so that a read beyond it is found.
struct Padded {
  Padded(std::string_view text, char after) : bytes(new char[text.size() + kJsonPadding]), size(text.size()) {
    std::memcpy(bytes.get(), text.data(), size);
    std::memset(bytes.get() + size, after, kJsonPadding);
  }
  [[nodiscard]] std::string_view view() const { return {bytes.get(), size}; }
  std::unique_ptr<char[]> bytes;
  size_t size;
};

JsonValue reparsed(const std::string& scalar, Padded& storage) {
  static RecordParser parser(FieldSet{});
  storage = Padded("{\"x\":" + scalar + "}", '"');
  std::vector<RecordParser::Member> members;
  require(parser.parse_members(storage.view(), members) == ParseError::none && members.size() == 1);
  return members[0].value;
}

/// The canonical form is JSON of the same type, and its own canonical form.
void check_canonical(const JsonValue& value) {
  std::string once;
  if (!append_canonical(once, value)) {
    require(once.empty());
    return;
  }
  Padded storage("", ' ');
  const JsonValue again = reparsed(once, storage);
  require(again.type == value.type && again.raw == once);
  std::string twice;
  require(append_canonical(twice, again) && once == twice);
}

void check_string(const JsonValue& value) {
  std::string text;
  append_unescaped(text, value.string_body());
  require(is_valid_utf8(text));
  std::string quoted;
  append_json_string(quoted, text);
  Padded storage("", ' ');
  std::string back;
  append_unescaped(back, reparsed(quoted, storage).string_body());
  require(back == text);
}

void check_number(const JsonValue& value) {
  const auto number = Decimal::parse(value.raw);
  if (!number) return;
  require(number->in_range());
  const auto again = Decimal::parse(number->to_json());
  require(again && *again == *number && again->to_json() == number->to_json());
  require((*number - *again).is_zero());
  require((*number + *number) == *number * Decimal(2));
  if (const auto integer = number->to_int64()) require(Decimal(*integer) == *number);
  if (const auto double_value = Decimal::from_double(number->to_double())) {
    require(double_value->to_double() == number->to_double());
  }
  if (const auto half = Decimal::divide(*number, Decimal(2))) {
    // Exact when it has at most 17 digits; always within one unit of the 17th.
    const Decimal error = *half + *half - *number;
    const auto relative = Decimal::divide(error, *number);  // none when it is too small for a Decimal
    require(!relative || std::abs(relative->to_double()) < 1e-15);
  }
}

void check_value(const JsonValue& value) {
  check_canonical(value);
  if (value.type == JsonType::string) check_string(value);
  if (value.type == JsonType::number) check_number(value);
}

/// The first member whose unescaped key is `name`.
const RecordParser::Member* first_named(const std::vector<RecordParser::Member>& members, std::string_view name) {
  for (const auto& member : members) {
    std::string key;
    append_unescaped(key, member.raw_key.substr(1, member.raw_key.size() - 2));
    if (key == name) return &member;
  }
  return nullptr;
}

/// The slots "a", "a.b" and "b" hold what a search through the members finds.
void check_projection(const std::vector<JsonValue>& values, const std::vector<RecordParser::Member>& members) {
  const auto* a = first_named(members, "a");
  const auto* b = first_named(members, "b");
  require(values[0].raw == (a ? a->value.raw : "") && values[2].raw == (b ? b->value.raw : ""));
  std::string_view nested;
  Padded storage("", ' ');
  if (a && a->value.type == JsonType::object) {
    storage = Padded(a->value.raw, '}');
    RecordParser inner((FieldSet()), kLimits);
    std::vector<RecordParser::Member> inside;
    require(inner.parse_members(storage.view(), inside) == ParseError::none);
    if (const auto* found = first_named(inside, "b")) nested = found->value.raw;
    require(values[1].raw == nested);
  } else {
    require(values[1].type == JsonType::missing);
  }
}

void check_minified(std::string_view record, size_t count) {
  std::string minified;
  append_minified(minified, record);
  const Padded padded(minified, '{');
  RecordParser parser((FieldSet()), kLimits);
  std::vector<RecordParser::Member> members;
  require(parser.parse_members(padded.view(), members) == ParseError::none && members.size() == count);
  std::string again;
  append_minified(again, minified);
  require(again == minified);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const FieldSet fields = [] {
    FieldSet set;
    for (const char* path : {"a", "a.b", "b"}) require(set.add(path).ok());
    return set;
  }();
  static RecordParser parser(fields, kLimits);
  if (size > kLimits.max_bytes) return 0;
  const std::string_view record(reinterpret_cast<const char*>(data), size);
  const auto expected = reference::Reader(record, kLimits.max_depth).members();

  std::vector<RecordParser::Member> members;
  std::vector<JsonValue> values(fields.size());
  const Padded padded(record, ' ');
  const ParseError verdict = parser.parse(padded.view(), values);
  require((verdict == ParseError::none) == expected.has_value());
  for (const char after : {'}', '"', '\\', '\0', '\x80', '1'}) {
    std::vector<JsonValue> other(fields.size());
    const Padded changed(record, after);
    require(parser.parse(changed.view(), other) == verdict);  // by the layout of the first time
    for (size_t i = 0; i < values.size() && verdict == ParseError::none; ++i) {
      require(other[i].type == values[i].type && other[i].escaped == values[i].escaped &&
              other[i].raw == values[i].raw);
    }
  }
  require(parser.parse_members(padded.view(), members) == verdict);
  if (!expected) return 0;

  require(members.size() == expected->size());
  for (size_t i = 0; i < members.size(); ++i) {
    require(members[i].raw_key == (*expected)[i].raw_key && members[i].value.raw == (*expected)[i].raw_value);
    check_value(members[i].value);
  }
  check_projection(values, members);
  check_minified(record, members.size());
  return 0;
}
