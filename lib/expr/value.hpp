// SPDX-License-Identifier: Apache-2.0
// The values that expressions compute with.
#pragma once
#include <cstdint>
#include <string_view>
#include <variant>

#include "lib/json/decimal.hpp"
#include "lib/json/value.hpp"

namespace streamutils::expr {

/// Absent fields and JSON null are both Null; has(f) tells them apart.
struct Null {
  bool operator==(const Null&) const = default;
};
/// An array or object, only passed through or tested with has().
struct Opaque {
  std::string_view raw;
  bool operator==(const Opaque&) const = default;
};
/// A string view lives as long as the record or the Scratch it was computed in.
using Value = std::variant<Null, bool, int64_t, Decimal, std::string_view, Opaque>;

}  // namespace streamutils::expr
