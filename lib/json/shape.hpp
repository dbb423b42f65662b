// SPDX-License-Identifier: Apache-2.0
// The layout of records seen before. Records of one producer mostly share what stands between their scalar values, and
// most of these have one length: such a record is compared with the one before it, 32 bytes a step, and nothing of it
// has to be looked for.
//
// A shape is a row of stretches. In a stretch every byte has its place: keys and punctuation are as they were, values
// of one length have bytes that such a value may have. Behind a stretch stands a value whose length varies, which is
// read to its end. Which values vary is learnt: all keep their length until one has not.
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
  /// Do both differ in nothing but the values, and white space behind these?
  [[nodiscard]] bool is_like(const Shape& other) const { return layout_ == other.layout_; }
  /// What varies in `other`, or between both, varies from now on. REQUIRES: is_like(other).
  void generalize(const Shape& other);
  /// True: `values` are those of `record`. False: they are unspecified. Complexity: linear; 32 bytes a step.
  bool match(std::string_view record, std::span<JsonValue> values);

 private:
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  static constexpr size_t kStep = 32;

  /// A scalar value of the record that was learnt. What stands before it begins at `literal`, behind any white space.
  struct Leaf {
    uint32_t literal = 0, begin = 0, end = 0;
    JsonType type = JsonType::string;
    bool varies = false;
    uint16_t slot = kNoSlot;
  };
  /// Bounds for each of 32 bytes, and where quotes and backslashes are not allowed although they are within these.
  struct alignas(kStep) Block {
    std::array<uint8_t, kStep> low{}, high{}, plain{};
  };
  /// A wanted value within a stretch.
  struct Fixed {
    uint32_t offset = 0, size = 0;
    JsonType type = JsonType::string;
    uint16_t slot = 0;
  };
  struct Stretch {
    uint32_t size = 0;  ///< bytes; its blocks and values follow those of the stretch before
    uint32_t fixed = 0;
    uint16_t slot = kNoSlot;  ///< of the value behind it
    bool is_last = false;     ///< no value stands behind it
  };
  /// A wanted array or object: from one place within a stretch to another; the tail counts as a stretch.
  struct Container {
    uint16_t slot = 0;
    JsonType type = JsonType::object;
    uint32_t first = 0, last = 0;  ///< in the record that was learnt
    uint32_t first_stretch = 0, first_offset = 0;
    uint32_t last_stretch = 0, last_offset = 0;
  };

  void plan();
  void add_stretch(uint32_t begin, uint32_t end, size_t first_leaf, size_t last_leaf);
  void place(uint32_t at, uint32_t& stretch, uint32_t& offset) const;
  void set_containers(std::string_view record, std::span<JsonValue> values) const;

  // What was learnt.
  std::string record_, layout_;
  std::vector<Leaf> leaves_;
  uint32_t tail_begin_ = 0, tail_end_ = 0;  // what stands behind all values
  std::vector<uint16_t> missing_;
  std::vector<Container> containers_;
  // What is matched.
  std::vector<Stretch> stretches_;
  std::vector<Block> blocks_;
  std::vector<Fixed> fixed_;
  std::vector<uint32_t> begins_;  // of stretches, in the record that was learnt
  std::vector<uint32_t> starts_;  // of stretches, in the record at hand, when there are containers
};

/// The layouts of the latest records.
class Shapes {
 public:
  bool match(std::string_view record, std::span<JsonValue> values) {
    if (rest_ == 0 && known_ != 0 && shapes_[latest_].match(record, values)) {
      if (credit_ < kMostCredit) ++credit_;
      return true;
    }
    return match_others(record, values);
  }
  /// After match() was false and the full parser had accepted the record.
  void learn(std::string_view record, const uint32_t* positions, size_t tokens, std::span<const JsonValue> values);

 private:
  static constexpr size_t kShapes = 4;
  // Records that never repeat would pay for layouts that are never used again: each one learnt costs credit, which
  // matches earn; without it the layouts rest for a while.
  static constexpr int kMostCredit = 512, kCost = 8, kRest = 1024;

  bool match_others(std::string_view record, std::span<JsonValue> values);

  std::array<Shape, kShapes> shapes_;
  Shape fresh_;
  size_t known_ = 0, latest_ = 0, oldest_ = 0;
  int credit_ = kMostCredit, rest_ = 0;
};

}  // namespace streamutils
