// SPDX-License-Identifier: Apache-2.0
// The layout of records seen before: what stands between their scalar values, byte by byte. Records of one producer
// mostly share it, and then only the values have to be read.
//
// Invariants:
//  1. match() accepts only what RecordParser accepts, with the same values: all between the values is equal to that of
//     an accepted record, and every value, wanted or not, is checked as there (strings for control characters, escapes
//     and UTF-8, numbers by the grammar). Whatever deviates is left to the full parser, which says what is wrong.
//  2. Nothing is read beyond kJsonPadding bytes behind the record.
// Thread rule: one thread at a time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.hpp"

namespace streamutils {

/// One layout.
class Shape {
 public:
  /// Can this processor match shapes (AVX2)? Without it they are of no use.
  static bool supported();

  /// Takes the layout of a record that was accepted, with its tokens (structurals.hpp) and the values that it gave.
  /// False: it is too long or has no scalar value, and this shape matches nothing.
  bool learn(std::string_view record, const uint32_t* positions, size_t tokens, std::span<const JsonValue> values);
  /// True: `values` are those of `record`. False: they are unspecified. Complexity: linear; 32 bytes a step in strings.
  bool match(std::string_view record, std::span<JsonValue> values);

 private:
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  /// A scalar value, and the bytes that must stand before it, behind any white space.
  struct Leaf {
    uint32_t literal = 0;  ///< where in literals_
    uint32_t length = 0;
    uint32_t mask = 0;  ///< a bit for each of its bytes, when it has at most 32
    uint16_t slot = kNoSlot;
  };
  /// A wanted array or object: from one place between values to another.
  struct Container {
    uint16_t slot = 0;
    JsonType type = JsonType::object;
    uint32_t first_leaf = 0, first_offset = 0;  ///< so many bytes into what stands before that leaf
    uint32_t last_leaf = 0, last_offset = 0;
  };
  void add_literal(Leaf& leaf, std::string_view text);
  [[nodiscard]] bool same_literal(const char* at, const Leaf& leaf) const;
  void set_containers(std::string_view record, std::span<JsonValue> values) const;

  std::vector<Leaf> leaves_;  // the last one is what stands behind all values
  std::vector<char> literals_;
  std::vector<uint16_t> missing_;
  std::vector<Container> containers_;
  std::vector<uint32_t> starts_;  // of the record at hand, when there are containers: where each literal begins
};

/// The layouts of the latest records.
class Shapes {
 public:
  bool match(std::string_view record, std::span<JsonValue> values);
  /// After match() was false and the full parser had accepted the record.
  void learn(std::string_view record, const uint32_t* positions, size_t tokens, std::span<const JsonValue> values);

 private:
  static constexpr size_t kShapes = 4;
  // Records that never repeat would pay for layouts that are never used again: each one learnt costs credit, which
  // matches earn; without it the layouts rest for a while.
  static constexpr int kMostCredit = 512, kCost = 8, kRest = 1024;

  std::array<Shape, kShapes> shapes_;
  size_t known_ = 0, latest_ = 0, oldest_ = 0;
  int credit_ = kMostCredit, rest_ = 0;
};

}  // namespace streamutils
