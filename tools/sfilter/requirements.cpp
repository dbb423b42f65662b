// SPDX-License-Identifier: Apache-2.0
#include "tools/sfilter/requirements.hpp"

#include "lib/base/text.hpp"
#include "lib/json/decimal.hpp"

namespace streamutils::sfilter {

namespace {

bool is_integer(std::string_view number) {
  if (number.find_first_of(".eE") == std::string_view::npos) return true;
  const auto decimal = Decimal::parse(number);
  if (!decimal) return false;
  const auto rest = Decimal::remainder(*decimal, Decimal(1));
  return rest && rest->is_zero();
}

}  // namespace

bool Requirements::parse_type(std::string_view word, Type& type) {
  static constexpr std::pair<std::string_view, Type> kTypes[] = {
      {"any", Type::any},         {"string", Type::string}, {"number", Type::number}, {"integer", Type::integer},
      {"boolean", Type::boolean}, {"object", Type::object}, {"array", Type::array}};
  for (const auto& [name, value] : kTypes) {
    if (word != name) continue;
    type = value;
    return true;
  }
  return false;
}

Status Requirements::add(std::string_view text, FieldSet& fields) {
  for (const std::string_view item : split_list(text)) {
    const size_t colon = item.rfind(':');
    std::string_view name = trim(item.substr(0, colon));
    Requirement requirement{.slot = 0, .type = Type::any, .optional = false, .missing = {}, .wrong_type = {}};
    if (name.ends_with('?')) {
      requirement.optional = true;
      name = trim(name.substr(0, name.size() - 1));
    }
    if (colon != std::string_view::npos && !parse_type(trim(item.substr(colon + 1)), requirement.type)) {
      return usage_error("'{}': the type is one of string, number, integer, boolean, object, array, any", item);
    }
    auto slot = fields.add(name);
    if (!slot.ok()) return slot.take_status().at(fmt::format("'{}'", item));
    requirement.slot = *slot;
    requirement.missing = fmt::format("missing_field:{}", name);
    requirement.wrong_type = fmt::format("wrong_type:{}", name);
    requirements_.push_back(std::move(requirement));
  }
  return {};
}

std::string_view Requirements::check(std::span<const JsonValue> values) const {
  for (const Requirement& requirement : requirements_) {
    const JsonValue& value = values[requirement.slot];
    if (value.type == JsonType::missing || value.type == JsonType::null) {
      if (!requirement.optional) return requirement.missing;
    } else if (!matches(requirement.type, value)) {
      return requirement.wrong_type;
    }
  }
  return {};
}

bool Requirements::matches(Type type, const JsonValue& value) {
  switch (type) {
    case Type::any:
      return true;
    case Type::string:
      return value.type == JsonType::string;
    case Type::number:
      return value.type == JsonType::number;
    case Type::integer:
      return value.type == JsonType::number && is_integer(value.raw);
    case Type::boolean:
      return value.type == JsonType::boolean;
    case Type::object:
      return value.type == JsonType::object;
    case Type::array:
      return value.type == JsonType::array;
  }
  return false;
}

}  // namespace streamutils::sfilter
