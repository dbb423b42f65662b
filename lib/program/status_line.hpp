// SPDX-License-Identifier: Apache-2.0
// What a program is doing, in one line: on a terminal once a second, anywhere on SIGUSR1.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/clock.hpp"
#include "lib/base/metrics.hpp"

namespace streamutils {

class StatusLine {
 public:
  /// Goes to the start of the terminal's line and erases it.
  static constexpr std::string_view kErase = "\r\x1b[K";

  StatusLine(std::string program, const Metrics& metrics, const Clock& clock);
  /// "1234567 records in (410.2 k/s), 1200 out, 3 late, lag 1.2 s": the rate is that since the call before.
  std::string text();
  /// Writes text() over the line that stands on stderr.
  void show();
  void erase();

 private:
  std::string program_;
  const Metrics& metrics_;
  const Clock& clock_;
  MonoTime last_;
  double last_in_ = 0;
};

}  // namespace streamutils
