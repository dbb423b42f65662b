// SPDX-License-Identifier: Apache-2.0
// Exact decimals: 0.1 + 0.2 is 0.3, and 9007199254740993 is itself.
//
// A Decimal is coefficient * 10^exponent. Coefficients up to 18 digits are held in an int64 (no allocation); larger
// ones in a Boost.Multiprecision integer behind a pointer. Numbers whose adjusted exponent (position of the first
// digit) is beyond
// +-kMaxExponent are not decimals here: callers treat them as bad values (`invalid`, or null in an expression).
// Arithmetic stays exact well beyond that range, so that a sum may leave it and come back; far beyond (10^4000, or
// 10,000 digits) a value becomes an infinity that stays one, which bounds the cost of any chain of operations.
#pragma once
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace streamutils {

class Decimal {
 public:
  static constexpr int kMaxExponent = 400;  ///< covers every double, and bounds the digits of an exact sum

  Decimal() = default;                       ///< zero
  Decimal(int64_t value) : small_(value) {}  // NOLINT: implicit on purpose
  Decimal(const Decimal&);
  Decimal& operator=(const Decimal&);
  Decimal(Decimal&&) noexcept = default;  ///< leaves an unspecified value
  Decimal& operator=(Decimal&&) noexcept = default;
  ~Decimal() = default;

  /// Reads a JSON number (RFC 8259 grammar). Empty when it is not one or out of range. Linear in its digits; digit
  /// strings longer than 1,000 are out of range.
  static std::optional<Decimal> parse(std::string_view number);
  /// The exact decimal value of the shortest text of a finite double. Empty for NaN and infinities.
  static std::optional<Decimal> from_double(double value);

  Decimal& operator+=(const Decimal& other);
  Decimal& operator-=(const Decimal& other);
  friend Decimal operator+(Decimal a, const Decimal& b) { return a += b; }
  friend Decimal operator-(Decimal a, const Decimal& b) { return a -= b; }
  friend Decimal operator*(const Decimal& a, const Decimal& b);
  Decimal operator-() const;
  /// a / b rounded half even to 17 significant digits, exact when the exact quotient has no more. Empty when b is zero
  /// or the quotient is out of range.
  static std::optional<Decimal> divide(const Decimal& a, const Decimal& b);
  /// a - b * trunc(a / b), the sign of a. Empty when b is zero.
  static std::optional<Decimal> remainder(const Decimal& a, const Decimal& b);

  friend std::strong_ordering operator<=>(const Decimal& a, const Decimal& b);
  friend bool operator==(const Decimal& a, const Decimal& b) { return (a <=> b) == 0; }

  [[nodiscard]] bool is_zero() const;
  [[nodiscard]] bool in_range() const;  ///< false after arithmetic left +-kMaxExponent
  /// Empty when it is not an integer in int64.
  [[nodiscard]] std::optional<int64_t> to_int64() const;
  [[nodiscard]] double to_double() const;  ///< correctly rounded
  /// The canonical JSON number: no trailing zeros, plain digits while the adjusted exponent is in [-6, 21), else
  /// d.ddde+N as ECMAScript's Number::toString writes it. Equal decimals give equal texts; -0 gives 0.
  void append_json(std::string& out) const;
  [[nodiscard]] std::string to_json() const;

 private:
  struct Big;
  struct Access;  // the implementation's helpers
  struct Delete {
    void operator()(Big* big) const noexcept;
  };
  int64_t small_ = 0;  // the coefficient while big_ is null
  int32_t exponent_ = 0;
  std::unique_ptr<Big, Delete> big_;
};

}  // namespace streamutils
