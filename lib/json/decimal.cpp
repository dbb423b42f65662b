// SPDX-License-Identifier: Apache-2.0
#include "lib/json/decimal.hpp"

#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace streamutils {

using BigInt = boost::multiprecision::cpp_int;
using Wide = __int128;
using UnsignedWide = unsigned __int128;

struct Decimal::Big {
  BigInt value;
};

namespace {

constexpr int kMaxDigits = 1'000;         // of a number that parse() takes
constexpr int kHardExponent = 4'000;      // adjusted exponents beyond it become infinite
constexpr int kHardDigits = 10'000;       // so do coefficients of more digits
constexpr int32_t kInfinite = 1'000'000;  // the exponent of an infinity, whose coefficient is 1 or -1
constexpr int kQuotientDigits = 17;

/// 10^0 ... 10^38, all that fit.
constexpr auto kPowers = [] {
  std::array<UnsignedWide, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

UnsignedWide power(int exponent) { return kPowers[static_cast<size_t>(exponent)]; }
BigInt big_power(int exponent) { return boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(exponent)); }

UnsignedWide magnitude(Wide value) { return value < 0 ? 0 - static_cast<UnsignedWide>(value) : UnsignedWide(value); }

/// 0 for 0.
int digit_count(UnsignedWide value) {
  int count = 0;
  if (value >= power(19)) count = 19;
  while (count < 39 && value >= power(count)) ++count;
  return count;
}

/// A count of digits, or one more.
int digit_bound(const BigInt& value) {
  if (value == 0) return 0;
  constexpr double kLog10Of2 = 0.30102999566398120;
  return static_cast<int>(static_cast<double>(msb(abs(value)) + 1) * kLog10Of2) + 1;
}

int digit_count(const BigInt& value) {
  const int bound = digit_bound(value);
  return bound > 0 && abs(value) < big_power(bound - 1) ? bound - 1 : bound;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A JSON number taken apart; `digits` and `fraction` are the digits before and after the point.
struct NumberText {
  bool negative = false;
  std::string_view digits;
  std::string_view fraction;
  int32_t exponent = 0;  // saturated far outside the range
};

std::string_view take_digits(const char*& at, const char* end) {
  const char* begin = at;
  while (at != end && is_digit(*at)) ++at;
  return {begin, static_cast<size_t>(at - begin)};
}

/// The exponent after "e". False when there are no digits.
bool take_exponent(const char*& at, const char* end, int32_t& exponent) {
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  const std::string_view digits = take_digits(at, end);
  for (const char c : digits) exponent = std::min(exponent * 10 + (c - '0'), 100'000);
  if (negative) exponent = -exponent;
  return !digits.empty();
}

std::optional<NumberText> scan_number(std::string_view text) {
  NumberText number;
  const char* at = text.data();
  const char* end = at + text.size();
  if (at != end && *at == '-') {
    number.negative = true;
    ++at;
  }
  number.digits = take_digits(at, end);
  if (number.digits.empty() || (number.digits.size() > 1 && number.digits[0] == '0')) return std::nullopt;
  if (at != end && *at == '.') {
    number.fraction = take_digits(++at, end);
    if (number.fraction.empty()) return std::nullopt;
  }
  if (at != end && (*at == 'e' || *at == 'E') && !take_exponent(++at, end, number.exponent)) return std::nullopt;
  if (at != end) return std::nullopt;
  return number;
}

/// The digits as one integer, taken 18 at a time.
BigInt read_big(std::string_view digits, std::string_view fraction) {
  BigInt value = 0;
  uint64_t chunk = 0;
  int count = 0;
  for (const std::string_view part : {digits, fraction}) {
    for (const char c : part) {
      chunk = chunk * 10 + static_cast<uint64_t>(c - '0');
      if (++count < 18) continue;
      value = value * static_cast<uint64_t>(power(18)) + chunk;
      chunk = 0;
      count = 0;
    }
  }
  return value * static_cast<uint64_t>(power(count)) + chunk;
}

/// The double nearest to `digits` * 10^exponent; `position` is the place of the first digit.
double read_double(std::string_view digits, int32_t exponent, int position) {
  // 800 digits decide every rounding: no midpoint of two doubles has more. A cut tail only has to be seen as not zero.
  constexpr size_t kDeciding = 800;
  char buffer[kDeciding + 16];
  char* at = std::copy_n(digits.data(), std::min(digits.size(), kDeciding), buffer);
  if (digits.size() > kDeciding) {
    *at++ = '1';
    exponent += static_cast<int32_t>(digits.size() - kDeciding - 1);
  }
  *at++ = 'e';
  at = std::to_chars(at, buffer + sizeof buffer, exponent).ptr;
  double value = 0;
  const auto [end, error] = std::from_chars(buffer, at, value);
  if (error == std::errc()) return value;
  return position > 0 ? std::numeric_limits<double>::infinity() : 0;
}

/// `digits` * 10^exponent without its sign. REQUIRES: no leading or trailing zeros, not empty.
void append_plain_or_scientific(std::string& out, std::string_view digits, int32_t exponent) {
  const int count = static_cast<int>(digits.size());
  const int adjusted = count - 1 + exponent;
  if (adjusted >= 21 || adjusted < -6) {
    out += digits[0];
    if (count > 1) out.append(".").append(digits.substr(1));
    out += adjusted < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(adjusted));
  } else if (exponent >= 0) {
    out.append(digits).append(static_cast<size_t>(exponent), '0');
  } else if (adjusted >= 0) {
    out.append(digits.substr(0, static_cast<size_t>(adjusted + 1))).append(".");
    out.append(digits.substr(static_cast<size_t>(adjusted + 1)));
  } else {
    out.append("0.").append(static_cast<size_t>(-adjusted - 1), '0').append(digits);
  }
}

}  // namespace

struct Decimal::Access {
  static BigInt coefficient(const Decimal& d) { return d.big_ ? d.big_->value : BigInt(d.small_); }
  static bool negative(const Decimal& d) { return d.big_ ? d.big_->value < 0 : d.small_ < 0; }
  static bool infinite(const Decimal& d) { return d.exponent_ == kInfinite; }

  static Decimal infinity(bool negative) {
    Decimal d(negative ? -1 : 1);
    d.exponent_ = kInfinite;
    return d;
  }

  /// coefficient * 10^exponent, small where it fits.
  static Decimal make(Wide coefficient, int exponent) {
    while (coefficient != static_cast<int64_t>(coefficient)) {
      if (coefficient % 10 != 0) return make(BigInt(coefficient), exponent);
      coefficient /= 10;
      ++exponent;
    }
    if (coefficient == 0) return {};
    Decimal d(static_cast<int64_t>(coefficient));
    const int adjusted = exponent + 18;  // an upper bound; the exact one only decides at +-kMaxExponent
    if (adjusted > kHardExponent || adjusted < -kHardExponent) return infinity(coefficient < 0);
    d.exponent_ = exponent;
    return d;
  }

  static Decimal make(BigInt coefficient, int exponent) {
    constexpr auto kMin = std::numeric_limits<int64_t>::min();
    constexpr auto kMax = std::numeric_limits<int64_t>::max();
    if (coefficient >= kMin && coefficient <= kMax) return make(Wide(static_cast<int64_t>(coefficient)), exponent);
    const int digits = digit_bound(coefficient);
    const int adjusted = exponent + digits;
    if (digits > kHardDigits || adjusted > kHardExponent || adjusted < -kHardExponent) return infinity(coefficient < 0);
    Decimal d;
    d.big_.reset(new Big{std::move(coefficient)});
    d.exponent_ = exponent;
    return d;
  }

  /// The coefficient of `d` at a lower exponent.
  static BigInt aligned(const Decimal& d, int exponent) {
    BigInt value = coefficient(d);
    if (d.exponent_ > exponent) value *= big_power(d.exponent_ - exponent);
    return value;
  }

  /// a's coefficient at a lower exponent, when it is small and stays below 10^38.
  static std::optional<Wide> wide_aligned(const Decimal& d, int exponent) {
    const int shift = d.exponent_ - exponent;
    if (d.big_ || shift > 19) return std::nullopt;
    return d.small_ * static_cast<Wide>(power(shift));
  }

  static Decimal add(const Decimal& a, const Decimal& b, bool subtract) {
    if (infinite(a)) return a;
    if (infinite(b)) return infinity(negative(b) != subtract);
    if (b.is_zero()) return a;
    if (a.is_zero()) return subtract ? -b : b;
    const int exponent = std::min(a.exponent_, b.exponent_);
    const std::optional<Wide> x = wide_aligned(a, exponent);
    const std::optional<Wide> y = wide_aligned(b, exponent);
    if (x && y && magnitude(*x) < power(37) && magnitude(*y) < power(37)) {
      return make(subtract ? *x - *y : *x + *y, exponent);
    }
    const BigInt left = aligned(a, exponent);
    const BigInt right = aligned(b, exponent);
    return make(subtract ? BigInt(left - right) : BigInt(left + right), exponent);
  }

  /// A coefficient's digits without its sign and trailing zeros; `exponent` goes with them.
  struct Digits {
    char buffer[24];
    std::string text;  // instead of the buffer when big
    size_t size = 0;
    int32_t exponent = 0;
    [[nodiscard]] std::string_view view() const { return {text.empty() ? buffer : text.data(), size}; }
  };
  /// REQUIRES: not zero.
  static Digits significant(const Decimal& d) {
    Digits digits;
    if (d.big_) {
      digits.text = BigInt(abs(d.big_->value)).str();
      digits.size = digits.text.size();
    } else {
      const auto value = static_cast<uint64_t>(magnitude(d.small_));
      char* end = std::to_chars(digits.buffer, digits.buffer + sizeof digits.buffer, value).ptr;
      digits.size = static_cast<size_t>(end - digits.buffer);
    }
    const size_t kept = digits.view().find_last_not_of('0') + 1;
    digits.exponent = d.exponent_ + static_cast<int32_t>(digits.size - kept);
    digits.size = kept;
    return digits;
  }

  /// The position of the first digit. REQUIRES: not zero.
  static int adjusted(const Decimal& d) {
    const int digits = d.big_ ? digit_count(d.big_->value) : digit_count(magnitude(d.small_));
    return digits - 1 + d.exponent_;
  }

  /// quotient * 10^exponent, to which `rest` (anything not zero) is still to be added, rounded half even to 17 digits.
  /// REQUIRES: when `rest` is set, the quotient has more than 17 digits.
  template <class Integer>
  static Decimal round_quotient(Integer quotient, bool rest, bool negative, int exponent, const Integer& unit,
                                int drop) {
    if (drop > 0) {
      const Integer dropped = quotient % unit;
      const Integer half = unit / 2;
      quotient /= unit;
      const bool odd = (quotient % 2) != 0;
      if (dropped > half || (dropped == half && (rest || odd))) quotient += 1;
      exponent += drop;
    }
    auto kept = static_cast<int64_t>(quotient);  // at most 10^17
    while (kept != 0 && kept % 10 == 0) {
      kept /= 10;
      ++exponent;
    }
    return make(Wide(negative ? -kept : kept), exponent);
  }

  static Decimal divide_small(const Decimal& a, const Decimal& b) {
    const UnsignedWide x = magnitude(a.small_);
    const UnsignedWide y = magnitude(b.small_);
    const int shift = 38 - digit_count(x);  // x then has 38 digits and the quotient at least 19
    const UnsignedWide shifted = x * power(shift);
    const UnsignedWide quotient = shifted / y;
    const int drop = digit_count(quotient) - kQuotientDigits;
    return round_quotient<UnsignedWide>(quotient, quotient * y != shifted, (a.small_ < 0) != (b.small_ < 0),
                                        a.exponent_ - b.exponent_ - shift, power(drop), drop);
  }

  static Decimal divide_big(const Decimal& a, const Decimal& b) {
    BigInt x = abs(coefficient(a));
    const BigInt y = abs(coefficient(b));
    const int shift = std::max(0, digit_bound(y) - digit_bound(x) + kQuotientDigits + 3);
    x *= big_power(shift);
    BigInt quotient;
    BigInt rest;
    boost::multiprecision::divide_qr(x, y, quotient, rest);
    const int drop = digit_count(quotient) - kQuotientDigits;
    return round_quotient<BigInt>(quotient, rest != 0, negative(a) != negative(b), a.exponent_ - b.exponent_ - shift,
                                  big_power(std::max(0, drop)), drop);
  }
};

void Decimal::Delete::operator()(Big* big) const noexcept { delete big; }

Decimal::Decimal(const Decimal& other) : small_(other.small_), exponent_(other.exponent_) {
  if (other.big_) big_.reset(new Big(*other.big_));
}

Decimal& Decimal::operator=(const Decimal& other) {
  if (this != &other) *this = Decimal(other);
  return *this;
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const std::optional<NumberText> number = scan_number(text);
  if (!number || number->digits.size() + number->fraction.size() > kMaxDigits) return std::nullopt;
  const int exponent = number->exponent - static_cast<int>(number->fraction.size());
  Decimal d;
  if (number->digits.size() + number->fraction.size() <= 18) {
    int64_t value = 0;
    for (const char c : number->digits) value = value * 10 + (c - '0');
    for (const char c : number->fraction) value = value * 10 + (c - '0');
    if (value == 0) return Decimal();
    d.small_ = number->negative ? -value : value;
    d.exponent_ = exponent;
  } else {
    BigInt value = read_big(number->digits, number->fraction);
    if (value == 0) return Decimal();
    d = Access::make(BigInt(number->negative ? -value : value), exponent);
  }
  if (!d.in_range()) return std::nullopt;
  return d;
}

std::optional<Decimal> Decimal::from_double(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  char buffer[40];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  if (error != std::errc()) return std::nullopt;
  return parse({buffer, static_cast<size_t>(end - buffer)});
}

Decimal& Decimal::operator+=(const Decimal& other) {
  if (!big_ && !other.big_ && exponent_ == other.exponent_ && exponent_ != kInfinite) {
    int64_t sum = 0;
    if (!__builtin_add_overflow(small_, other.small_, &sum)) {
      small_ = sum;
      if (sum == 0) exponent_ = 0;
      return *this;
    }
  }
  return *this = Access::add(*this, other, false);
}

Decimal& Decimal::operator-=(const Decimal& other) { return *this = Access::add(*this, other, true); }

Decimal operator*(const Decimal& a, const Decimal& b) {
  using Access = Decimal::Access;
  if (a.is_zero() || b.is_zero()) return {};
  if (Access::infinite(a) || Access::infinite(b)) return Access::infinity(Access::negative(a) != Access::negative(b));
  const int exponent = a.exponent_ + b.exponent_;
  if (!a.big_ && !b.big_) return Access::make(static_cast<Wide>(a.small_) * b.small_, exponent);
  return Access::make(BigInt(Access::coefficient(a) * Access::coefficient(b)), exponent);
}

Decimal Decimal::operator-() const {
  if (big_) return Access::make(BigInt(-big_->value), exponent_);
  if (Access::infinite(*this)) return Access::infinity(small_ > 0);
  return Access::make(-static_cast<Wide>(small_), exponent_);
}

std::optional<Decimal> Decimal::divide(const Decimal& a, const Decimal& b) {
  if (b.is_zero() || Access::infinite(a) || Access::infinite(b)) return std::nullopt;
  if (a.is_zero()) return Decimal();
  Decimal quotient = a.big_ || b.big_ ? Access::divide_big(a, b) : Access::divide_small(a, b);
  if (!quotient.in_range()) return std::nullopt;
  return quotient;
}

std::optional<Decimal> Decimal::remainder(const Decimal& a, const Decimal& b) {
  if (b.is_zero() || Access::infinite(a) || Access::infinite(b)) return std::nullopt;
  if (a.is_zero()) return Decimal();
  const int exponent = std::min(a.exponent_, b.exponent_);
  const std::optional<Wide> x = Access::wide_aligned(a, exponent);
  const std::optional<Wide> y = Access::wide_aligned(b, exponent);
  if (x && y) return Access::make(*x % *y, exponent);
  return Access::make(BigInt(Access::aligned(a, exponent) % Access::aligned(b, exponent)), exponent);
}

std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) {
  using Access = Decimal::Access;
  const bool a_negative = Access::negative(a);
  if (a_negative != Access::negative(b)) {
    return a_negative ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  if (!a.big_ && !b.big_ && a.exponent_ == b.exponent_) return a.small_ <=> b.small_;
  if (a.is_zero() || b.is_zero()) return (a.is_zero() ? 0 : 1) <=> (b.is_zero() ? 0 : 1);
  // Same sign, neither zero: the position of the first digit decides nearly always, and spares the alignment.
  const int a_position = Access::adjusted(a);
  const int b_position = Access::adjusted(b);
  if (a_position != b_position)
    return (a_position < b_position) != a_negative ? std::strong_ordering::less : std::strong_ordering::greater;
  const int exponent = std::min(a.exponent_, b.exponent_);
  const std::optional<Wide> x = Access::wide_aligned(a, exponent);
  const std::optional<Wide> y = Access::wide_aligned(b, exponent);
  if (x && y)
    return *x < *y ? std::strong_ordering::less : *x > *y ? std::strong_ordering::greater : std::strong_ordering::equal;
  const int order = Access::aligned(a, exponent).compare(Access::aligned(b, exponent));
  return order <=> 0;
}

bool Decimal::is_zero() const { return !big_ && small_ == 0; }

bool Decimal::in_range() const {
  if (!big_ && exponent_ > -kMaxExponent && exponent_ < kMaxExponent - 20) return true;  // whatever the digits
  if (is_zero()) return true;
  const int adjusted = Access::adjusted(*this);
  return adjusted >= -kMaxExponent && adjusted <= kMaxExponent;
}

std::optional<int64_t> Decimal::to_int64() const {
  if (!big_ && exponent_ == 0) return small_;
  if (is_zero()) return 0;
  if (const int position = Access::adjusted(*this); position < 0 || position > 18) return std::nullopt;
  const Access::Digits digits = Access::significant(*this);
  if (digits.exponent < 0) return std::nullopt;  // so there are at most 19 digits
  UnsignedWide value = 0;
  for (const char c : digits.view()) value = value * 10 + static_cast<UnsignedWide>(c - '0');
  const Wide scaled = static_cast<Wide>(value * power(digits.exponent)) * (Access::negative(*this) ? -1 : 1);
  if (scaled != static_cast<int64_t>(scaled)) return std::nullopt;
  return static_cast<int64_t>(scaled);
}

double Decimal::to_double() const {
  // Both operands exact, one rounding: the result is correctly rounded.
  constexpr int64_t kExact = int64_t{1} << 53;
  if (!big_ && small_ >= -kExact && small_ <= kExact && exponent_ >= -22 && exponent_ <= 22) {
    const auto scale = static_cast<double>(power(std::abs(exponent_)));
    return exponent_ < 0 ? static_cast<double>(small_) / scale : static_cast<double>(small_) * scale;
  }
  const bool negative = Access::negative(*this);
  const int position = Access::adjusted(*this);
  double value = 0;
  if (position > 308) {
    value = std::numeric_limits<double>::infinity();
  } else if (position >= -324) {
    const Access::Digits digits = Access::significant(*this);
    value = read_double(digits.view(), digits.exponent, position);
  }
  return negative ? -value : value;
}

void Decimal::append_json(std::string& out) const {
  if (is_zero()) {
    out += '0';
    return;
  }
  if (Access::negative(*this)) out += '-';
  const Access::Digits digits = Access::significant(*this);
  append_plain_or_scientific(out, digits.view(), digits.exponent);
}

std::string Decimal::to_json() const {
  std::string out;
  append_json(out);
  return out;
}

}  // namespace streamutils
