// SPDX-License-Identifier: Apache-2.0
// min(f), max(f): numbers by exact value, strings by the bytes of their UTF-8; every number comes before every string.
// Booleans, arrays and objects have no order here: "not_comparable".
#include "lib/json/text.hpp"
#include "lib/window/aggregates/exact_sum.hpp"
#include "lib/window/aggregates/makers.hpp"

namespace streamutils::window {

namespace {

/// The extreme value so far: 16 bytes, an allocation only for strings and for numbers of more than 18 digits.
template <bool kMax>
class ExtremeState {
 public:
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) {
    if (value.type == JsonType::string) return {};
    return value.type == JsonType::number ? check_number(value) : "not_comparable";
  }

  ExtremeState() = default;
  ExtremeState(const ExtremeState&) = delete;
  ExtremeState& operator=(const ExtremeState&) = delete;
  ~ExtremeState() { clear(); }

  void add(const JsonValue& value, EventTime, expr::Scratch& scratch) {
    if (value.type == JsonType::string) {
      std::string_view text = value.string_body();
      if (value.escaped) {
        std::string& unescaped = scratch.next();
        append_unescaped(unescaped, text);
        text = unescaped;
      }
      add_text(text);
      return;
    }
    ShortNumber number;
    if (read_short(value.raw, number)) {
      add_short(number);
    } else {
      add_big(Decimal::parse(value.raw).value_or(Decimal()));
    }
  }

  void merge(const ExtremeState& other) {
    switch (other.kind_) {
      case Kind::empty:
        return;
      case Kind::brief:
        return add_short(other.brief());
      case Kind::big:
        return add_big(*other.big_);
      case Kind::text:
        return add_text(*other.text_);
    }
  }

  void append(std::string& out) const {
    switch (kind_) {
      case Kind::empty:
        out += "null";
        return;
      case Kind::brief:
      case Kind::big:
        number().append_json(out);
        return;
      case Kind::text:
        append_json_string(out, *text_);
        return;
    }
  }

  [[nodiscard]] size_t extra_bytes() const {
    if (kind_ == Kind::big) return sizeof(Decimal) + 64;
    return kind_ == Kind::text ? sizeof(std::string) + text_->capacity() : 0;
  }

  // Saved: 0; or 1 and the number as canonical JSON; or 2 and the string's bytes.
  void save(StateWriter& out) const {
    out.u8(kind_ == Kind::empty ? kSavedEmpty : kind_ == Kind::text ? kSavedText : kSavedNumber);
    if (kind_ == Kind::text) {
      out.text(*text_);
    } else if (kind_ != Kind::empty) {
      save_decimal(number(), out);
    }
  }

  bool load(StateReader& in) {
    const uint8_t form = in.u8();
    if (form == kSavedEmpty) return in.ok();
    const std::string_view text = in.text();
    if (!in.ok()) return false;
    if (form == kSavedText && is_valid_utf8(text)) {
      add_text(text);
      return true;
    }
    std::optional<Decimal> number = Decimal::parse(text);
    if (form != kSavedNumber || !number) return false;
    ShortNumber brief;
    if (read_short(text, brief)) {
      add_short(brief);
    } else {
      add_big(*std::move(number));
    }
    return true;
  }

 private:
  enum class Kind : uint8_t { empty, brief, big, text };
  static constexpr uint8_t kSavedEmpty = 0, kSavedNumber = 1, kSavedText = 2;

  template <class Order>
  static bool better(Order order) {
    return kMax ? order > 0 : order < 0;
  }
  /// Whether a number replaces what is there, when that is not a number.
  [[nodiscard]] bool number_replaces() const { return kind_ == Kind::empty || !kMax; }

  [[nodiscard]] ShortNumber brief() const { return {brief_, scale_}; }
  [[nodiscard]] Decimal number() const { return kind_ == Kind::big ? *big_ : to_decimal(brief_, scale_); }

  void add_short(const ShortNumber& number) {
    if (kind_ == Kind::brief) {
      // Both sides below 10^36.
      const Wide mine = brief_ * kPowersOfTen[static_cast<size_t>(number.scale)];
      const Wide theirs = number.coefficient * kPowersOfTen[scale_];
      if (!(kMax ? theirs > mine : theirs < mine)) return;
    } else if (kind_ == Kind::big) {
      if (!better(to_decimal(number.coefficient, number.scale) <=> *big_)) return;
    } else if (!number_replaces()) {
      return;
    }
    clear();
    kind_ = Kind::brief;
    brief_ = number.coefficient;
    scale_ = static_cast<uint8_t>(number.scale);
  }

  void add_big(Decimal value) {
    if (kind_ == Kind::brief || kind_ == Kind::big) {
      if (!better(value <=> number())) return;
    } else if (!number_replaces()) {
      return;
    }
    clear();
    big_ = new Decimal(std::move(value));
    kind_ = Kind::big;
  }

  void add_text(std::string_view value) {
    if (kind_ == Kind::text) {
      if (better(value.compare(*text_))) text_->assign(value);
      return;
    }
    if (kind_ != Kind::empty && !kMax) return;
    clear();
    text_ = new std::string(value);
    kind_ = Kind::text;
  }

  void clear() {
    if (kind_ == Kind::big) delete big_;
    if (kind_ == Kind::text) delete text_;
    kind_ = Kind::empty;
  }

  union {
    int64_t brief_ = 0;
    Decimal* big_;
    std::string* text_;
  };
  Kind kind_ = Kind::empty;
  uint8_t scale_ = 0;
};

template <bool kMax>
Result<Aggregate> make(std::string_view kind, const expr::AggregateItem& call) {
  STREAM_TRY(require_one_field(call));
  using State = ExtremeState<kMax>;
  return make_aggregate<State>(kind, [](std::string& out, const State& state) { state.append(out); });
}

}  // namespace

Result<Aggregate> make_min(const expr::AggregateItem& call) { return make<false>("min", call); }
Result<Aggregate> make_max(const expr::AggregateItem& call) { return make<true>("max", call); }

}  // namespace streamutils::window
