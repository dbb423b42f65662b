// SPDX-License-Identifier: Apache-2.0
#include "lib/expr/functions.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace streamutils::expr {
namespace {

const std::string_view* as_string(const Value& value) { return std::get_if<std::string_view>(&value); }

Value starts_with(std::span<Value> arguments, Scratch&) {
  const auto* text = as_string(arguments[0]);
  const auto* prefix = as_string(arguments[1]);
  return text && prefix ? Value(text->starts_with(*prefix)) : Value();
}

Value ends_with(std::span<Value> arguments, Scratch&) {
  const auto* text = as_string(arguments[0]);
  const auto* suffix = as_string(arguments[1]);
  return text && suffix ? Value(text->ends_with(*suffix)) : Value();
}

Value contains(std::span<Value> arguments, Scratch&) {
  const auto* text = as_string(arguments[0]);
  const auto* part = as_string(arguments[1]);
  if (!text || !part) return {};
  // Not string_view::find: its time is the product of both lengths, and both may come from a hostile record.
  return part->empty() || memmem(text->data(), text->size(), part->data(), part->size()) != nullptr;
}

/// Letters a-z only: the same everywhere, whatever the locale, and never longer than the argument.
template <char kFirst, char kLast>
Value change_case(const Value& argument, Scratch& scratch) {
  const auto* text = as_string(argument);
  if (!text) return {};
  const auto affected = [](char c) { return c >= kFirst && c <= kLast; };
  if (std::none_of(text->begin(), text->end(), affected)) return *text;
  std::string& out = scratch.next();
  out = *text;
  for (char& c : out) c = affected(c) ? static_cast<char>(c ^ 0x20) : c;
  return std::string_view(out);
}

Value lower(std::span<Value> arguments, Scratch& scratch) { return change_case<'A', 'Z'>(arguments[0], scratch); }
Value upper(std::span<Value> arguments, Scratch& scratch) { return change_case<'a', 'z'>(arguments[0], scratch); }

Value length(std::span<Value> arguments, Scratch&) {
  const auto* text = as_string(arguments[0]);
  if (!text) return {};
  return static_cast<int64_t>(
      std::count_if(text->begin(), text->end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Value absolute(std::span<Value> arguments, Scratch&) {
  Value& value = arguments[0];
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer < 0 ? negated(value) : value;
  const auto* decimal = std::get_if<Decimal>(&value);
  if (!decimal) return {};
  return *decimal < Decimal() ? negated(value) : std::move(value);
}

Decimal floor_of(const Decimal& value) {
  const Decimal fraction = Decimal::remainder(value, Decimal(1)).value_or(Decimal());
  Decimal whole = value - fraction;
  if (fraction < Decimal()) whole -= Decimal(1);
  return whole;
}

Value floor_down(std::span<Value> arguments, Scratch&) {
  if (std::holds_alternative<int64_t>(arguments[0])) return std::move(arguments[0]);
  const auto* decimal = std::get_if<Decimal>(&arguments[0]);
  return decimal ? normalized(floor_of(*decimal)) : Value();
}

/// Halves go away from zero, as SQL's round() of a decimal.
Value round_half_away(std::span<Value> arguments, Scratch&) {
  constexpr int64_t kMaxPlaces = 18;
  static const Decimal half = *Decimal::parse("0.5");
  int64_t places = 0;
  if (arguments.size() == 2) {
    const auto* given = std::get_if<int64_t>(&arguments[1]);
    if (!given || *given < 0 || *given > kMaxPlaces) return {};
    places = *given;
  }
  if (std::holds_alternative<int64_t>(arguments[0])) return std::move(arguments[0]);
  const auto* decimal = std::get_if<Decimal>(&arguments[0]);
  if (!decimal) return {};
  int64_t scale = 1;
  for (int64_t i = 0; i < places; ++i) scale *= 10;
  const bool negative = *decimal < Decimal();
  const Decimal magnitude = (negative ? -*decimal : *decimal) * Decimal(scale);
  // Back by a factor that is a power of ten, not by divide(), which keeps 17 digits only.
  const Decimal back = *Decimal::parse("1e-" + std::to_string(places));
  const Decimal rounded = floor_of(magnitude + half) * back;
  return normalized(negative ? -rounded : rounded);
}

Value to_string(std::span<Value> arguments, Scratch& scratch) {
  Value& value = arguments[0];
  if (as_string(value)) return value;
  if (const auto* truth = std::get_if<bool>(&value)) return std::string_view(*truth ? "true" : "false");
  if (std::holds_alternative<Null>(value) || std::holds_alternative<Opaque>(value)) return {};
  std::string& out = scratch.next();
  append_json(out, value);
  return std::string_view(out);
}

Value to_number(std::span<Value> arguments, Scratch&) {
  Value& value = arguments[0];
  if (const auto* truth = std::get_if<bool>(&value)) return static_cast<int64_t>(*truth);
  if (const auto* text = as_string(value)) {
    auto decimal = Decimal::parse(*text);
    return decimal ? normalized(*std::move(decimal)) : Value();
  }
  if (std::holds_alternative<Opaque>(value)) return {};
  return std::move(value);
}

constexpr std::array kFunctions = {
    FunctionInfo{"has", "has(f)", 1, 1, Special::has, nullptr},
    FunctionInfo{"starts_with", "starts_with(s, p)", 2, 2, Special::none, starts_with},
    FunctionInfo{"ends_with", "ends_with(s, p)", 2, 2, Special::none, ends_with},
    FunctionInfo{"contains", "contains(s, p)", 2, 2, Special::none, contains},
    FunctionInfo{"lower", "lower(s)", 1, 1, Special::none, lower},
    FunctionInfo{"upper", "upper(s)", 1, 1, Special::none, upper},
    FunctionInfo{"length", "length(s)", 1, 1, Special::none, length},
    FunctionInfo{"abs", "abs(n)", 1, 1, Special::none, absolute},
    FunctionInfo{"floor", "floor(n)", 1, 1, Special::none, floor_down},
    FunctionInfo{"round", "round(n[, places])", 1, 2, Special::none, round_half_away},
    FunctionInfo{"coalesce", "coalesce(a, …)", 1, kAnyArguments, Special::coalesce, nullptr},
    FunctionInfo{"if", "if(c, a, b)", 3, 3, Special::choice, nullptr},
    FunctionInfo{"string", "string(x)", 1, 1, Special::none, to_string},
    FunctionInfo{"number", "number(x)", 1, 1, Special::none, to_number},
};

Decimal decimal_of(const Value& number) {
  const auto* integer = std::get_if<int64_t>(&number);
  return integer ? Decimal(*integer) : std::get<Decimal>(number);
}

bool is_number(const Value& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<Decimal>(value);
}

/// False when the result is not an int64, or not the one that the same operation on Decimals gives.
bool integer_arithmetic(char sign, int64_t left, int64_t right, int64_t& result) {
  constexpr int64_t kExactQuotient = 100'000'000'000'000'000;  // 17 digits: what Decimal::divide keeps
  switch (sign) {
    case '+':
      return !__builtin_add_overflow(left, right, &result);
    case '-':
      return !__builtin_sub_overflow(left, right, &result);
    case '*':
      return !__builtin_mul_overflow(left, right, &result);
    case '%':
      if (right == 0) return false;
      result = right == -1 ? 0 : left % right;
      return true;
    default:
      if (right == 0 || right == -1 || left % right != 0) return false;
      result = left / right;
      return result > -kExactQuotient && result < kExactQuotient;
  }
}

}  // namespace

const FunctionInfo* find_function(std::string_view name) {
  const auto* found = std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& f) { return f.name == name; });
  return found == kFunctions.end() ? nullptr : found;
}

std::string function_usages() {
  std::string usages;
  for (const FunctionInfo& function : kFunctions) {
    if (!usages.empty()) usages += ", ";
    usages += function.usage;
  }
  return usages;
}

bool read_small_integer(std::string_view raw, int64_t& integer) {
  constexpr size_t kDigits = 18;
  const bool negative = !raw.empty() && raw.front() == '-';
  if (negative) raw.remove_prefix(1);
  if (raw.empty() || raw.size() > kDigits) return false;
  int64_t value = 0;
  for (const char c : raw) {
    const auto digit = static_cast<unsigned char>(c - '0');
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  integer = negative ? -value : value;
  return true;
}

Value normalized(Decimal decimal) {
  if (!decimal.in_range()) return {};
  if (const auto integer = decimal.to_int64()) return *integer;
  return decimal;
}

Value number_value(std::string_view raw) {
  int64_t integer = 0;
  if (read_small_integer(raw, integer)) return integer;
  auto decimal = Decimal::parse(raw);
  return decimal ? normalized(*std::move(decimal)) : Value();
}

Value arithmetic(char sign, const Value& left, const Value& right) {
  const auto* a = std::get_if<int64_t>(&left);
  const auto* b = std::get_if<int64_t>(&right);
  int64_t result = 0;
  if (a && b && integer_arithmetic(sign, *a, *b, result)) return result;
  if (!is_number(left) || !is_number(right)) return {};
  const Decimal x = decimal_of(left);
  const Decimal y = decimal_of(right);
  switch (sign) {
    case '+':
      return normalized(x + y);
    case '-':
      return normalized(x - y);
    case '*':
      return normalized(x * y);
    default: {
      auto quotient = sign == '/' ? Decimal::divide(x, y) : Decimal::remainder(x, y);
      return quotient ? normalized(*std::move(quotient)) : Value();
    }
  }
}

Value negated(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    if (*integer != std::numeric_limits<int64_t>::min()) return -*integer;
    return normalized(-Decimal(*integer));
  }
  const auto* decimal = std::get_if<Decimal>(&value);
  return decimal ? normalized(-*decimal) : Value();
}

}  // namespace streamutils::expr
