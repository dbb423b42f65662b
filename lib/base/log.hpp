// SPDX-License-Identifier: Apache-2.0
// Where the libraries say things to people. They never print: lib/cli gives them a Log that writes "prog: text" to stderr.
#pragma once
#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace streamutils {

enum class Level : unsigned char { debug, info, warning, error };

class Log {
 public:
  virtual ~Log() = default;
  /// `message` is one line without program name, lower case, no full stop. Thread safe.
  virtual void write(Level level, std::string_view message) = 0;

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, fmt::format(format, std::forward<Args>(args)...));
  }
};

/// Throws everything away; for tests.
class NullLog final : public Log {
 public:
  void write(Level, std::string_view) override {}
};

}  // namespace streamutils
