// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/chunk.hpp"

#include <algorithm>
#include <charconv>

#include "lib/redis/chunk_body.hpp"
#include "lib/redis/connection.hpp"

namespace streamutils::redis {

namespace {

std::string_view type_name(char type) {
  switch (type) {
    case 'h':
      return "hash";
    case 'z':
      return "sorted set";
    case 'c':
      return "counter";
    case 's':
      return "string";
    default:
      return "stream";
  }
}

}  // namespace

std::optional<std::string> plain_text(const Decimal& amount, size_t max_digits) {
  std::string text = amount.to_json();
  const bool negative = text.front() == '-';
  if (negative) text.erase(0, 1);
  int exponent = 0;
  if (const size_t e = text.find('e'); e != std::string::npos) {
    std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), text.data() + text.size(), exponent);
    text.resize(e);
  }
  std::string whole = text.substr(0, text.find('.'));
  std::string part = whole.size() < text.size() ? text.substr(whole.size() + 1) : "";
  if (exponent > 0) {
    const size_t shift = static_cast<size_t>(exponent);
    if (shift > max_digits) return std::nullopt;
    if (part.size() < shift) part.append(shift - part.size(), '0');
    whole += part.substr(0, shift);
    part.erase(0, shift);
  } else if (exponent < 0) {
    const size_t shift = static_cast<size_t>(-exponent);
    if (shift > max_digits) return std::nullopt;
    if (whole.size() <= shift) whole.insert(0, shift + 1 - whole.size(), '0');
    part.insert(0, whole.substr(whole.size() - shift));
    whole.resize(whole.size() - shift);
  }
  if (whole.size() > max_digits || part.size() > max_digits) return std::nullopt;
  return (negative ? "-" : "") + whole + (part.empty() ? "" : "." + part);
}

void Chunk::argument(std::string_view text) {
  append_argument(arguments_, text);
  ++argument_count_;
}

void Chunk::count(size_t n) {
  const fmt::format_int text(n);
  argument({text.data(), text.size()});
}

size_t Chunk::begin(char operation, std::string_view key, char type, bool writes) {
  scratch_.assign(key);
  const auto [place, is_new] = index_.try_emplace(scratch_, keys_.size());
  if (is_new) {
    keys_.push_back({type, false, {}});
    append_argument(key_bytes_, key);
  }
  Key& known = keys_[place->second];
  known.written |= writes;
  if (known.type != type && conflict_.empty()) {
    conflict_ = fmt::format("cannot write '{}': it would be both a {} and a {}; give the targets different keys", key,
                            type_name(known.type), type_name(type));
  }
  const size_t number = place->second + 2;  // Lua counts from 1, and the first key is the sequence
  if (operation == '\0') return number;
  ++operations_;
  argument({&operation, 1});
  count(number);
  last_key_ = number;
  return number;
}

size_t Chunk::shape(std::span<const Field> fields) {
  const auto same = [&] {
    return std::equal(fields.begin(), fields.end(), last_names_.begin(), last_names_.end(),
                      [](const Field& field, const std::string& name) { return field.name == name; });
  };
  if (last_shape_ != 0 && same()) return last_shape_;
  scratch_.clear();
  last_names_.clear();
  for (const Field& field : fields) {
    append_argument(scratch_, field.name);
    last_names_.emplace_back(field.name);
  }
  const auto [place, is_new] = shapes_.try_emplace(scratch_, shapes_.size() + 1);
  if (is_new) {
    append_argument(shape_bytes_, fmt::format_int(fields.size()).str());
    shape_bytes_.append(scratch_);
    shape_arguments_ += 1 + fields.size();
  }
  return place->second;
}

void Chunk::fields_operation(char operation, size_t key, std::span<const Field> fields) {
  const size_t before = last_shape_;
  last_shape_ = shape(fields);
  ++operations_;
  if (operation == 'h' && key == last_key_ + 1 && last_shape_ == before) {
    argument("H");
  } else {
    argument({&operation, 1});
    count(key);
    count(last_shape_);
  }
  last_key_ = key;
  for (const Field& field : fields) argument(field.value);
}

void Chunk::hash_set(std::string_view key, std::span<const Field> fields) {
  fields_operation('h', begin('\0', key, 'h', true), fields);
}

void Chunk::hash_delete(std::string_view key, std::span<const std::string_view> names) {
  begin('d', key, 'h', false);
  count(names.size());
  for (const std::string_view name : names) argument(name);
}

void Chunk::zset_add(std::string_view key, std::string_view score, std::string_view member) {
  begin('z', key, 'z', true);
  argument(score);
  argument(member);
}

void Chunk::zset_remove(std::string_view key, std::string_view member) {
  begin('y', key, 'z', false);
  argument(member);
}

void Chunk::counter_add(std::string_view key, const Decimal& amount) {
  keys_[begin('\0', key, 'c', true) - 2].amount += amount;
}

void Chunk::string_set(std::string_view key, std::string_view value) {
  begin('s', key, 's', true);
  argument(value);
}

void Chunk::string_delete(std::string_view key) { begin('x', key, 's', false); }

void Chunk::stream_append(std::string_view key, std::span<const Field> fields) {
  fields_operation('a', begin('\0', key, 't', true), fields);
}

void Chunk::publish(std::string_view channel, std::string_view payload) {
  scratch_.assign(channel);
  const auto [place, is_new] = channels_.try_emplace(scratch_, channels_.size());
  if (is_new) append_argument(channel_bytes_, channel);
  ++operations_;
  argument("p");
  count(place->second + 1);
  argument(payload);
}

Status Chunk::seal(std::string& out) {
  if (!conflict_.empty()) return failed("{}", conflict_);
  std::string types;
  for (size_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_[i];
    types.push_back(ttl_ && key.written ? static_cast<char>(key.type - 'a' + 'A') : key.type);
    if (key.type != 'c') continue;
    argument("c");
    count(i + 2);
    // A sum of amounts within kMaxAmountDigits stays far below this.
    const auto amount = plain_text(key.amount, 4 * kMaxAmountDigits);
    if (!amount) return failed("cannot add to a counter: the amount has too many digits");
    argument(*amount);
  }
  const size_t arguments = 4 + channels_.size() + shape_arguments_ + argument_count_;
  append_body_head(keys_.size(), key_bytes_.size(), arguments, out);
  out.append(key_bytes_);
  append_argument(out, types);
  append_argument(out, fmt::format_int(ttl_ ? std::max<int64_t>(1, ttl_->us / 1000) : 0).str());
  append_argument(out, fmt::format_int(channels_.size()).str());
  out.append(channel_bytes_);
  append_argument(out, fmt::format_int(shapes_.size()).str());
  out.append(shape_bytes_);
  out.append(arguments_);
  clear();
  return {};
}

void Chunk::clear() {
  index_.clear();
  keys_.clear();
  channels_.clear();
  channel_bytes_.clear();
  key_bytes_.clear();
  shapes_.clear();
  shape_bytes_.clear();
  last_names_.clear();
  arguments_.clear();
  argument_count_ = operations_ = shape_arguments_ = last_shape_ = 0;
  last_key_ = 1;
}

}  // namespace streamutils::redis
