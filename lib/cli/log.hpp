// SPDX-License-Identifier: Apache-2.0
// The Log of a program: "prog: text" on stderr, one write(2) a line.
#pragma once
#include <array>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/clock.hpp"
#include "lib/base/log.hpp"

namespace streamutils::cli {

/// Info and above are shown, debug with -v.
///
/// Invariants:
///  1. Each line is one write(2): lines of programs that share a stderr do not mix.
///  2. Control characters are written as \n, \t or \xNN: input that is quoted in a message cannot drive the terminal.
///  3. Of the same warning at most ten a second are written. The others are counted; the count is written with the next
///     line after that second, or at the end.
///  4. A stderr that cannot be written to is no reason to fail.
///
/// Thread rule: safe from any thread. `clock` must outlive this.
class StderrLog final : public Log {
 public:
  StderrLog(std::string program, int verbose, const Clock& clock, int fd = 2);
  ~StderrLog() override;
  StderrLog(const StderrLog&) = delete;
  StderrLog& operator=(const StderrLog&) = delete;

  void write(Level level, std::string_view message) override;
  /// The -v count is known only after the options have been parsed.
  void set_verbose(int verbose);
  /// Written in front of every line: erases a status line that stands on the terminal. The text must outlive this.
  void set_line_start(std::string_view text);

 private:
  /// A warning that was written lately.
  struct Recent {
    std::string message;
    MonoTime since;          ///< the begin of its second
    int64_t written = 0;     ///< in that second; 0: the slot is free
    int64_t suppressed = 0;  ///< in that second
  };

  bool suppress(std::string_view message, MonoTime now);
  void release(Recent& recent);
  void write_line(std::string_view message);

  std::mutex mutex_;
  const std::string program_;
  Level threshold_;
  const Clock& clock_;
  const int fd_;
  std::array<Recent, 8> recent_;
  std::string_view line_start_;
  std::string line_;
};

}  // namespace streamutils::cli
