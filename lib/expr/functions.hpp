// SPDX-License-Identifier: Apache-2.0
// The functions of the language, and the arithmetic under them.
//
// All of them are total: a value of the wrong type, a result out of Decimal's range and null itself give Null.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "lib/expr/expression.hpp"
#include "lib/expr/value.hpp"

namespace streamutils::expr {

/// Functions that decide themselves which arguments to evaluate, or how.
enum class Special : uint8_t { none, has, coalesce, choice };

inline constexpr size_t kMaxEagerArguments = 2;
inline constexpr size_t kAnyArguments = static_cast<size_t>(-1);

struct FunctionInfo {
  std::string_view name;
  std::string_view usage;  ///< "starts_with(s, p)"
  size_t min_arguments;
  size_t max_arguments;
  Special special;
  Value (*run)(std::span<Value> arguments, Scratch& scratch);  ///< null when special
};

/// Null when there is no such function.
const FunctionInfo* find_function(std::string_view name);
/// "has(f), starts_with(s, p), …"
std::string function_usages();

/// A number out of JSON text (REQUIRES: by JSON's grammar); int64 where it is one. Null when out of Decimal's range.
Value number_value(std::string_view raw);
/// True and the integer when `raw` is a JSON integer of at most 18 digits.
bool read_small_integer(std::string_view raw, int64_t& integer);
/// Null when `decimal` left the range, int64 where it is one.
Value normalized(Decimal decimal);

/// left `sign` right, `sign` one of + - * / %.
Value arithmetic(char sign, const Value& left, const Value& right);
Value negated(const Value& value);

}  // namespace streamutils::expr
