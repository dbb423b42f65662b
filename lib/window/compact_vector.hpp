// SPDX-License-Identifier: Apache-2.0
// A vector for where there are very many of them, mostly of one element: that one lies inside. What is erased at its
// front is not moved up at once: a long one is used as a queue.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace streamutils::window {

template <class T>
class CompactVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  CompactVector() : inside_{} {}
  CompactVector(CompactVector&& other) noexcept { swap(other); }
  CompactVector& operator=(CompactVector&& other) noexcept {
    swap(other);
    return *this;
  }
  ~CompactVector() {
    if (capacity_ > 1) std::free(outside_.heap);
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  T* data() { return capacity_ > 1 ? outside_.heap + outside_.first : &inside_; }
  const T* data() const { return capacity_ > 1 ? outside_.heap + outside_.first : &inside_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  const T& back() const { return data()[size_ - 1]; }
  T& back() { return data()[size_ - 1]; }

  /// Puts `value` before `at` and returns it. Linear in what is behind.
  T* insert(T* at, const T& value) {
    const size_t i = static_cast<size_t>(at - data());
    const T copy = value;
    if (unused_front() + size_ == capacity_) make_room();
    T* const place = data() + i;
    std::memmove(static_cast<void*>(place + 1), place, (size_ - i) * sizeof(T));
    *place = copy;
    ++size_;
    return place;
  }
  /// Linear in what is behind; constant at the front.
  void erase(T* at) {
    if (capacity_ > 1 && at == data()) {
      outside_.first = --size_ == 0 ? 0 : outside_.first + 1;
      return;
    }
    std::memmove(static_cast<void*>(at), at + 1, static_cast<size_t>(end() - at - 1) * sizeof(T));
    --size_;
  }

 private:
  void swap(CompactVector& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    char mine[sizeof(T)];
    std::memcpy(mine, static_cast<const void*>(&inside_), sizeof(T));
    std::memcpy(static_cast<void*>(&inside_), &other.inside_, sizeof(T));
    std::memcpy(static_cast<void*>(&other.inside_), mine, sizeof(T));
  }
  [[nodiscard]] uint32_t unused_front() const { return capacity_ > 1 ? outside_.first : 0; }
  /// For one more at the end.
  void make_room() {
    if (const uint32_t first = unused_front(); first > 0 && first >= capacity_ / 4) {
      std::memmove(static_cast<void*>(outside_.heap), outside_.heap + first, size_ * sizeof(T));
      outside_.first = 0;
      return;
    }
    const uint32_t wanted = capacity_ * 2;
    auto* fresh = static_cast<T*>(std::malloc(wanted * sizeof(T)));
    if (!fresh) throw std::bad_alloc();
    std::memcpy(static_cast<void*>(fresh), data(), size_ * sizeof(T));
    if (capacity_ > 1) std::free(outside_.heap);
    outside_ = {fresh, 0};
    capacity_ = wanted;
  }

  struct Outside {
    T* heap;
    uint32_t first;  // so many before the first element are not used
  };
  static_assert(sizeof(T) >= sizeof(Outside));
  union {
    T inside_;
    Outside outside_;
  };
  uint32_t size_ = 0, capacity_ = 1;
};

}  // namespace streamutils::window
