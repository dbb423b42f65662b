// SPDX-License-Identifier: Apache-2.0
#include "lib/window/aggregates/ordered_value.hpp"

#include "lib/json/text.hpp"
#include "lib/window/aggregates/exact_sum.hpp"

namespace streamutils::window {

namespace {

constexpr uint8_t kSavedEmpty = 0, kSavedNumber = 1, kSavedText = 2;

int sign_of(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

}  // namespace

void OrderedKey::read(const JsonValue& value, expr::Scratch& scratch, OrderedKey& key) {
  if (value.type != JsonType::string) {
    if (!read_short(value.raw, key.brief)) key.big = Decimal::parse(value.raw).value_or(Decimal());
    return;
  }
  key.is_text = true;
  key.text = value.string_body();
  if (value.escaped) {
    std::string& unescaped = scratch.next();
    append_unescaped(unescaped, key.text);
    key.text = unescaped;
  }
}

int OrderedValue::compare_slow(const OrderedKey& key) const {
  if (key.is_text != (kind_ == Kind::text)) return key.is_text ? 1 : -1;
  if (key.is_text) return sign_of(key.text <=> std::string_view(*text_));
  return sign_of((key.big ? *key.big : to_decimal(key.brief.coefficient, key.brief.scale)) <=> number());
}

void OrderedValue::assign_slow(const OrderedKey& key) {
  if (key.is_text && kind_ == Kind::text) {
    text_->assign(key.text);
    return;
  }
  clear();
  if (key.is_text) {
    text_ = new std::string(key.text);
    kind_ = Kind::text;
  } else if (key.big) {
    big_ = new Decimal(*key.big);
    kind_ = Kind::big;
  } else {
    assign(key);
  }
}

OrderedKey OrderedValue::key() const {
  OrderedKey key;
  if (kind_ == Kind::text) {
    key.is_text = true;
    key.text = *text_;
  } else if (kind_ == Kind::big) {
    key.big = *big_;
  } else {
    key.brief = {brief_, scale_};
  }
  return key;
}

void OrderedValue::append(std::string& out) const {
  if (kind_ == Kind::empty) {
    out += "null";
  } else if (kind_ == Kind::text) {
    append_json_string(out, *text_);
  } else if (kind_ == Kind::brief) {
    append_short(out, brief_, scale_);
  } else {
    big_->append_json(out);
  }
}

size_t OrderedValue::extra_bytes() const {
  if (kind_ == Kind::big) return sizeof(Decimal) + 64;
  return kind_ == Kind::text ? sizeof(std::string) + text_->capacity() : 0;
}

void OrderedValue::save(StateWriter& out) const {
  out.u8(kind_ == Kind::empty ? kSavedEmpty : kind_ == Kind::text ? kSavedText : kSavedNumber);
  if (kind_ == Kind::text) {
    out.text(*text_);
  } else if (kind_ != Kind::empty) {
    save_decimal(number(), out);
  }
}

bool OrderedValue::load(StateReader& in) {
  const uint8_t form = in.u8();
  if (form == kSavedEmpty) return in.ok();
  OrderedKey key;
  key.text = in.text();
  if (!in.ok()) return false;
  if (form == kSavedText && is_valid_utf8(key.text)) {
    key.is_text = true;
  } else {
    std::optional<Decimal> number = Decimal::parse(key.text);
    if (form != kSavedNumber || !number) return false;
    if (!read_short(key.text, key.brief)) key.big = std::move(number);
  }
  assign(key);
  return true;
}

}  // namespace streamutils::window
