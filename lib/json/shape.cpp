// SPDX-License-Identifier: Apache-2.0
#include "lib/json/shape.hpp"

#include <algorithm>
#include <utility>

#include "lib/json/token.hpp"

namespace streamutils {

namespace {

constexpr size_t kMostLeaves = 256;
constexpr size_t kMostLiteralBytes = 8 << 10;
constexpr size_t kLongestFixed = 128;  // longer values are read to their end as fast as they are compared

bool is_container(JsonType type) { return type == JsonType::array || type == JsonType::object; }
bool is_bracket_or_separator(char c) { return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ','; }
bool is_plain(char c) { return c >= 0x20 && c != '"' && c != '\\'; }  // char is signed: nor beyond ASCII

JsonType type_of(char first) {
  switch (first) {
    case '"':
      return JsonType::string;
    case 't':
    case 'f':
      return JsonType::boolean;
    case 'n':
      return JsonType::null;
    default:
      return JsonType::number;
  }
}

/// Can other values of this length be told by bounds for each byte?
bool can_be_fixed(JsonType type, std::string_view raw) {
  if (raw.size() > kLongestFixed) return false;
  if (type == JsonType::string) return std::all_of(raw.begin() + 1, raw.end() - 1, is_plain);
  return type != JsonType::number || std::all_of(raw.begin(), raw.end(), is_json_digit);
}

}  // namespace

bool Shape::learn(std::string_view record, const uint32_t* positions, size_t tokens,
                  std::span<const JsonValue> values) {
  record_.clear();
  layout_.clear();
  leaves_.clear();
  missing_.clear();
  containers_.clear();
  if (values.size() >= kNoSlot) return false;
  uint32_t behind = 0;  // the value before
  const auto add = [&](size_t until) {
    while (behind < until && is_json_space(record[behind])) ++behind;
    layout_.append(record.substr(behind, until - behind)).push_back('\0');
  };
  for (size_t i = 0; i < tokens; ++i) {
    const char* const begin = record.data() + positions[i];
    const bool is_key = *begin == '"' && i + 1 < tokens && record[positions[i + 1]] == ':';
    if (is_key || is_bracket_or_separator(*begin)) continue;
    add(positions[i]);
    if (leaves_.size() == kMostLeaves || layout_.size() > kMostLiteralBytes) return false;
    uint32_t end = positions[i + 1];
    while (is_json_space(record[end - 1])) --end;
    Leaf& leaf = leaves_.emplace_back(Leaf{behind, positions[i], end, type_of(*begin)});
    leaf.varies = !can_be_fixed(leaf.type, record.substr(leaf.begin, leaf.end - leaf.begin));
    behind = end;
  }
  if (leaves_.empty()) return false;
  size_t size = record.size();
  while (is_json_space(record[size - 1])) --size;
  add(size);
  tail_begin_ = behind;
  tail_end_ = static_cast<uint32_t>(size);
  record_.assign(record);
  record_.resize(size + kStep);  // whole steps can be read

  for (size_t slot = 0; slot < values.size(); ++slot) {
    const JsonValue& value = values[slot];
    const auto number = static_cast<uint16_t>(slot);
    if (value.type == JsonType::missing) {
      missing_.push_back(number);
      continue;
    }
    const auto at = static_cast<uint32_t>(value.raw.data() - record.data());
    if (is_container(value.type)) {
      Container& container = containers_.emplace_back();
      container.slot = number;
      container.type = value.type;
      container.first = at;
      container.last = at + static_cast<uint32_t>(value.raw.size()) - 1;
      continue;
    }
    std::lower_bound(leaves_.begin(), leaves_.end(), at, [](const Leaf& l, uint32_t begin) {
      return l.begin < begin;
    })->slot = number;
  }
  plan();
  return true;
}

void Shape::generalize(const Shape& other) {
  const auto space_before = [](const Shape& shape, size_t i) {
    return i == 0 ? 0 : shape.leaves_[i].literal - shape.leaves_[i - 1].end;
  };
  bool same = true;
  for (size_t i = 0; i < leaves_.size(); ++i) {
    const Leaf& theirs = other.leaves_[i];
    Leaf& ours = leaves_[i];
    const bool varies = ours.varies || theirs.varies || ours.type != theirs.type ||
                        ours.end - ours.begin != theirs.end - theirs.begin ||
                        (i + 1 < leaves_.size() && space_before(*this, i + 1) != space_before(other, i + 1));
    same = same && varies == theirs.varies;
    ours.varies = varies;
  }
  if (same) {  // and yet it did not match: nothing is taken for granted
    for (Leaf& leaf : leaves_) leaf.varies = true;
  }
  plan();
}

void Shape::plan() {
  stretches_.clear();
  blocks_.clear();
  fixed_.clear();
  begins_.clear();
  size_t first = 0;
  for (size_t i = 0; i < leaves_.size(); ++i) {
    const bool is_last = i + 1 == leaves_.size();
    if (!leaves_[i].varies && !is_last) continue;
    const bool varies = leaves_[i].varies;
    add_stretch(leaves_[first].literal, varies ? leaves_[i].begin : leaves_[i].end, first, varies ? i : i + 1);
    stretches_.back().slot = varies ? leaves_[i].slot : kNoSlot;
    stretches_.back().is_last = !varies;
    first = i + 1;
  }
  for (Container& container : containers_) {
    place(container.first, container.first_stretch, container.first_offset);
    place(container.last, container.last_stretch, container.last_offset);
  }
  starts_.assign(containers_.empty() ? 0 : stretches_.size() + 1, 0);
}

/// Everything from `begin` to `end`, with the values of leaves [first, last), which do not vary.
void Shape::add_stretch(uint32_t begin, uint32_t end, size_t first, size_t last) {
  begins_.push_back(begin);
  const size_t first_block = blocks_.size();
  blocks_.resize(first_block + (end - begin + kStep - 1) / kStep);
  for (size_t i = first_block; i < blocks_.size(); ++i) blocks_[i].high.fill(0xff);
  const auto set = [&](uint32_t at, char low, char high, bool plain) {
    Block& block = blocks_[first_block + (at - begin) / kStep];
    const size_t i = (at - begin) % kStep;
    block.low[i] = static_cast<uint8_t>(low);
    block.high[i] = static_cast<uint8_t>(high);
    block.plain[i] = plain ? 0xff : 0;
  };
  for (uint32_t at = begin; at < end; ++at) set(at, record_[at], record_[at], false);
  const size_t fixed = fixed_.size();
  for (const Leaf& leaf : std::span(leaves_).subspan(first, last - first)) {
    if (leaf.type == JsonType::string) {
      for (uint32_t at = leaf.begin + 1; at + 1 < leaf.end; ++at) set(at, 0x20, 0x7f, true);
    } else if (leaf.type == JsonType::number) {
      for (uint32_t at = leaf.begin; at < leaf.end; ++at) set(at, '0', '9', false);
      if (leaf.end - leaf.begin > 1) set(leaf.begin, '1', '9', false);
    }
    if (leaf.slot != kNoSlot) fixed_.push_back({leaf.begin - begin, leaf.end - leaf.begin, leaf.type, leaf.slot});
  }
  stretches_.push_back({.size = end - begin, .fixed = static_cast<uint32_t>(fixed_.size() - fixed)});
}

void Shape::place(uint32_t at, uint32_t& stretch, uint32_t& offset) const {
  stretch = static_cast<uint32_t>(stretches_.size());
  offset = at - tail_begin_;
  if (at >= tail_begin_) return;
  stretch = static_cast<uint32_t>(std::upper_bound(begins_.begin(), begins_.end(), at) - begins_.begin()) - 1;
  offset = at - begins_[stretch];
}

void Shape::set_containers(std::string_view record, std::span<JsonValue> values) const {
  for (const Container& container : containers_) {
    const uint32_t first = starts_[container.first_stretch] + container.first_offset;
    const uint32_t last = starts_[container.last_stretch] + container.last_offset;
    values[container.slot] = {.type = container.type, .escaped = false, .raw = record.substr(first, last + 1 - first)};
  }
}

bool Shapes::match_others(std::string_view record, std::span<JsonValue> values) {
  if (rest_ > 0) {
    --rest_;
    return false;
  }
  for (size_t n = 1; n < known_; ++n) {
    const size_t i = (latest_ + n) % known_;
    if (!shapes_[i].match(record, values)) continue;
    latest_ = i;
    credit_ = std::min(credit_ + 1, kMostCredit);
    return true;
  }
  return false;
}

void Shapes::learn(std::string_view record, const uint32_t* positions, size_t tokens,
                   std::span<const JsonValue> values) {
  static const bool supported = Shape::supported();
  if (!supported || rest_ > 0) return;
  credit_ -= kCost;
  if (credit_ < 0) {
    rest_ = kRest;
    credit_ = kMostCredit / 2;
    return;
  }
  if (!fresh_.learn(record, positions, tokens, values)) return;
  for (size_t i = 0; i < known_; ++i) {
    if (!shapes_[i].is_like(fresh_)) continue;
    fresh_.generalize(shapes_[i]);
    std::swap(shapes_[i], fresh_);
    latest_ = i;
    return;
  }
  const size_t i = known_ < kShapes ? known_ : oldest_;
  std::swap(shapes_[i], fresh_);
  if (known_ < kShapes) ++known_;
  oldest_ = (i + 1) % kShapes;
  latest_ = i;
}

}  // namespace streamutils
