// SPDX-License-Identifier: Apache-2.0
// A slow, obvious JSON reader to hold RecordParser against: recursive descent, one byte at a time, nothing shared with
// it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace streamutils::reference {

struct Member {
  std::string_view raw_key;
  std::string_view raw_value;
};

class Reader {
 public:
  Reader(std::string_view text, size_t max_depth) : text_(text), max_depth_(max_depth) {}

  /// The members of the one object that `text` is, or nothing when it is anything else.
  std::optional<std::vector<Member>> members() {
    skip_space();
    std::vector<Member> found;
    if (peek() != '{' || !object(1, &found)) return std::nullopt;
    skip_space();
    if (at_ != text_.size() || !utf8()) return std::nullopt;
    return found;
  }

 private:
  int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  bool digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > begin;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }
  bool hex() {
    const int c = peek();
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) return false;
    ++at_;
    return true;
  }
  bool string() {
    if (!take('"')) return false;
    while (!take('"')) {
      if (peek() < 0x20) return false;  // the end as well
      if (!take('\\')) {
        ++at_;
      } else if (take('u')) {
        if (!hex() || !hex() || !hex() || !hex()) return false;
      } else if (peek() < 0 ||
                 std::string_view("\"\\/bfnrt").find(static_cast<char>(peek())) == std::string_view::npos) {
        return false;
      } else {
        ++at_;
      }
    }
    return true;
  }
  bool array(size_t depth) {
    if (depth > max_depth_ || !take('[')) return false;
    skip_space();
    if (take(']')) return true;
    do {
      skip_space();
      if (!value(depth)) return false;
      skip_space();
    } while (take(','));
    return take(']');
  }
  bool object(size_t depth, std::vector<Member>* found) {
    if (depth > max_depth_ || !take('{')) return false;
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      const size_t key = at_;
      if (!string()) return false;
      const size_t key_end = at_;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      const size_t begin = at_;
      if (!value(depth)) return false;
      if (found) found->push_back({text_.substr(key, key_end - key), text_.substr(begin, at_ - begin)});
      skip_space();
    } while (take(','));
    return take('}');
  }
  bool value(size_t depth) {
    switch (peek()) {
      case '{':
        return object(depth + 1, nullptr);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool utf8() const {
    for (size_t i = 0; i < text_.size();) {
      const auto lead = static_cast<unsigned char>(text_[i++]);
      if (lead < 0x80) continue;
      const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
      if (lead < 0xC2 || lead > 0xF4) return false;
      uint32_t code = lead & (0x3F >> more);
      for (int k = 0; k < more; ++k, ++i) {
        if (i >= text_.size() || (static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) return false;
        code = code << 6 | (static_cast<unsigned char>(text_[i]) & 0x3F);
      }
      const uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
      if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    }
    return true;
  }

  std::string_view text_;
  size_t max_depth_;
  size_t at_ = 0;
};

}  // namespace streamutils::reference
