// SPDX-License-Identifier: Apache-2.0
// Memory for many short texts that come and go: sizes are rounded up to 8, and what is freed serves the next text of
// that size. Nothing is given back before the end: a pool holds the most that it held at a time of each size.
#pragma once
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace streamutils::window {

class TextPool {
 public:
  TextPool() = default;
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  /// A copy of `text`, for release(). Eight readable bytes at least.
  char* copy(std::string_view text) {
    char* place = make(text.size());
    text.copy(place, text.size());  // unlike memcpy it may be given nothing from nowhere
    return place;
  }
  /// REQUIRES: `text` is of copy(), and of that size.
  void release(char* text, size_t size) {
    const size_t units = units_of(size);
    if (units >= kClasses) {
      delete[] text;
      return;
    }
    std::memcpy(text, &free_[units], sizeof(char*));
    free_[units] = text;
  }

 private:
  static constexpr size_t kUnit = 8, kClasses = 33;  // up to 256 bytes
  static constexpr size_t kFirstChunk = 512, kLargestChunk = 64 << 10;
  static size_t units_of(size_t size) { return size == 0 ? 1 : (size + kUnit - 1) / kUnit; }

  char* make(size_t size) {
    const size_t units = units_of(size);
    if (units >= kClasses) return new char[size];
    if (char* found = free_[units]) {
      std::memcpy(&free_[units], found, sizeof(char*));
      return found;
    }
    if (left_ < units * kUnit) grow();
    char* place = next_;
    next_ += units * kUnit;
    left_ -= units * kUnit;
    return place;
  }
  void grow() {
    chunk_ = chunk_ == 0 ? kFirstChunk : std::min(kLargestChunk, chunk_ * 2);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_));
    next_ = chunks_.back().get();
    left_ = chunk_;
  }

  std::array<char*, kClasses> free_{};
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_ = 0;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace streamutils::window
