// SPDX-License-Identifier: Apache-2.0
// A byte string inside a row: 24 bytes, up to 16 of them in place, and movable with memcpy (std::string is not).
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace streamutils::window {

class RowBytes {
 public:
  RowBytes() = default;
  RowBytes(const RowBytes&) = delete;
  RowBytes& operator=(const RowBytes&) = delete;
  ~RowBytes() { release(); }

  [[nodiscard]] std::string_view view() const { return {data(), size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] size_t extra_bytes() const { return on_heap() ? capacity_ : 0; }

  /// REQUIRES: below 4 GiB, and not a view of this.
  void assign(std::string_view bytes) {
    // One huge value must not hold its memory for the rest of the window.
    const bool wasteful = capacity_ > kKeep && bytes.size() < capacity_ / 8;
    if (bytes.size() > capacity_ || wasteful) {
      release();
      capacity_ = kInPlace;
      if (bytes.size() > kInPlace) {
        const size_t capacity = (bytes.size() + bytes.size() / 4 + 15) / 16 * 16;
        heap_ = new char[capacity];
        capacity_ = static_cast<uint32_t>(capacity);
      }
    }
    std::copy(bytes.begin(), bytes.end(), on_heap() ? heap_ : in_place_);
    size_ = static_cast<uint32_t>(bytes.size());
  }

 private:
  static constexpr uint32_t kInPlace = 16;
  static constexpr uint32_t kKeep = 4096;

  [[nodiscard]] bool on_heap() const { return capacity_ > kInPlace; }
  [[nodiscard]] const char* data() const { return on_heap() ? heap_ : in_place_; }
  void release() {
    if (on_heap()) delete[] heap_;
  }

  union {
    char in_place_[kInPlace] = {};
    char* heap_;
  };
  uint32_t size_ = 0;
  uint32_t capacity_ = kInPlace;
};

}  // namespace streamutils::window
