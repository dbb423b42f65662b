// SPDX-License-Identifier: Apache-2.0
// Standard output, gathered into large writes.
#pragma once
#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>

#include "lib/base/status.hpp"

namespace streamutils::sstate {

class Printer {
 public:
  explicit Printer(int fd) : fd_(fd) {}

  /// Adds a line.
  Status line(std::string_view text) {
    text_ += text;
    text_ += '\n';
    return text_.size() >= kFlushBytes ? flush() : Status();
  }
  template <class... Args>
  Status line(fmt::format_string<Args...> format, Args&&... args) {
    return line(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
  }
  /// Everything is written when this returns ok. Code::broken_pipe: the reader has left.
  Status flush();

 private:
  static constexpr size_t kFlushBytes = 64 << 10;
  const int fd_;
  std::string text_;
};

}  // namespace streamutils::sstate
