// SPDX-License-Identifier: Apache-2.0
// The bytes of an operator's state: fixed-width little-endian integers and length-prefixed strings, in the operator's
// own order.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/status.hpp"

namespace streamutils {

static_assert(std::endian::native == std::endian::little,
              "frames and state are little-endian in memory and on the wire");

class StateWriter {
 public:
  StateWriter() = default;
  /// Writes into the memory of `buffer`, whose content goes.
  explicit StateWriter(std::string buffer) : bytes_(std::move(buffer)) { bytes_.clear(); }
  void u8(uint8_t v) { bytes_.push_back(static_cast<char>(v)); }
  void u32(uint32_t v) { raw(&v, sizeof v); }
  void u64(uint64_t v) { raw(&v, sizeof v); }
  void i64(int64_t v) { raw(&v, sizeof v); }
  void f64(double v) { raw(&v, sizeof v); }
  void text(std::string_view v) {
    u64(v.size());
    bytes_.append(v);
  }
  void raw(const void* data, size_t size) { bytes_.append(static_cast<const char*>(data), size); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what a StateWriter wrote. Past the end every read gives zero or empty, and ok() turns false for good.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}
  uint8_t u8() { return fixed<uint8_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  int64_t i64() { return fixed<int64_t>(); }
  double f64() { return fixed<double>(); }
  /// A view into the bytes given to the constructor.
  std::string_view text() { return raw(u64()); }
  std::string_view raw(uint64_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view v = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return v;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  /// A failed status when anything was read past the end.
  [[nodiscard]] Status status(std::string_view what) const {
    return ok_ ? Status() : failed("the saved state of {} is cut short", what);
  }

 private:
  template <class T>
  T fixed() {
    T v{};
    const std::string_view b = raw(sizeof(T));
    if (b.size() == sizeof(T)) std::memcpy(&v, b.data(), sizeof(T));
    return v;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace streamutils
