// SPDX-License-Identifier: Apache-2.0
#include "lib/program/status_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace streamutils {

namespace {

void write_stderr(std::string_view text) {
  [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, text.data(), text.size());  // nobody is owed this line
}

}  // namespace

StatusLine::StatusLine(std::string program, const Metrics& metrics, const Clock& clock)
    : program_(std::move(program)), metrics_(metrics), clock_(clock), last_(clock.mono()) {}

std::string StatusLine::text() {
  const double in = metrics_.total("stream_records_in_total");
  const MonoTime now = clock_.mono();
  const double seconds = std::max(1e-3, static_cast<double>((now - last_).us) / 1e6);
  std::string text = fmt::format("{:.0f} records in ({:.1f} k/s), {:.0f} out", in, (in - last_in_) / seconds / 1e3,
                                 metrics_.total("stream_records_out_total"));
  if (const double sides = metrics_.total("stream_side_records_total"); sides > 0) {
    text += fmt::format(", {:.0f} side records", sides);
  }
  if (metrics_.has("stream_lag_records"))
    text += fmt::format(", lag {:.0f} records", metrics_.total("stream_lag_records"));
  if (metrics_.has("stream_open_windows")) {
    text += fmt::format(", {:.0f} open windows", metrics_.total("stream_open_windows"));
  }
  last_ = now;
  last_in_ = in;
  return text;
}

void StatusLine::show() { write_stderr(fmt::format("{}{}: {}", kErase, program_, text())); }

void StatusLine::erase() { write_stderr(kErase); }

}  // namespace streamutils
