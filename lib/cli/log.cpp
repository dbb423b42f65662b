// SPDX-License-Identifier: Apache-2.0
#include "lib/cli/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace streamutils::cli {
namespace {

constexpr Duration kSecond{1'000'000};
constexpr int64_t kPerSecond = 10;

void append_printable(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, two bytes in UTF-8, are control characters too.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else if (c1) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}\\x{:02x}", byte, static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
}

Level threshold_of(int verbose) { return verbose > 0 ? Level::debug : Level::info; }

}  // namespace

StderrLog::StderrLog(std::string program, int verbose, const Clock& clock, int fd)
    : program_(std::move(program)), threshold_(threshold_of(verbose)), clock_(clock), fd_(fd) {}

StderrLog::~StderrLog() {
  for (Recent& recent : recent_) release(recent);
}

void StderrLog::set_verbose(int verbose) {
  const std::lock_guard lock(mutex_);
  threshold_ = threshold_of(verbose);
}

void StderrLog::write(Level level, std::string_view message) {
  const std::lock_guard lock(mutex_);
  if (level < threshold_) return;
  const MonoTime now = clock_.mono();
  for (Recent& recent : recent_) {
    if (now - recent.since >= kSecond) release(recent);
  }
  if (level == Level::warning && suppress(message, now)) return;
  write_line(message);
}

/// Counts a warning; true: there were too many of it.
bool StderrLog::suppress(std::string_view message, MonoTime now) {
  auto found = std::find_if(recent_.begin(), recent_.end(),
                            [&](const Recent& recent) { return recent.written > 0 && recent.message == message; });
  if (found == recent_.end()) {
    // A free slot has written == 0, so it comes first; else the oldest gives way.
    found = std::min_element(recent_.begin(), recent_.end(), [](const Recent& a, const Recent& b) {
      return std::pair(a.written > 0, a.since) < std::pair(b.written > 0, b.since);
    });
    release(*found);
    found->message = message;
    found->since = now;
  }
  if (found->written == kPerSecond) {
    ++found->suppressed;
    return true;
  }
  ++found->written;
  return false;
}

/// Frees the slot, after saying what it held back.
void StderrLog::release(Recent& recent) {
  if (recent.suppressed > 0) {
    write_line(fmt::format("{} ({} more of the same)", recent.message, recent.suppressed));
  }
  recent.written = 0;
  recent.suppressed = 0;
}

void StderrLog::set_line_start(std::string_view text) {
  const std::lock_guard lock(mutex_);
  line_start_ = text;
}

void StderrLog::write_line(std::string_view message) {
  line_ = line_start_;
  append_printable(line_, program_);
  line_ += ": ";
  append_printable(line_, message);
  line_ += '\n';
  std::string_view rest = line_;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written > 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (written == 0 || errno != EINTR) {
      return;
    }
  }
}

}  // namespace streamutils::cli
