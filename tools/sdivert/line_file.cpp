// SPDX-License-Identifier: Apache-2.0
#include "tools/sdivert/line_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace streamutils::sdivert {

namespace {
constexpr size_t kFlushBytes = 64 << 10;
}

Status LineFile::check() const {
  struct stat info {};
  if (stat(path_.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? usage_error("cannot write to '{}': it is a folder", path_) : Status();
  }
  const size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  if (stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return usage_error("cannot open '{}': there is no folder '{}'", path_, folder);
  }
  return {};
}

Status LineFile::open(bool append) {
  fd_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666));
  return fd_.is_open() ? Status() : errno_status(errno, "open", path_);
}

Status LineFile::write(std::string_view line) {
  buffer_ += line;
  buffer_ += '\n';
  return buffer_.size() >= kFlushBytes ? flush() : Status();
}

Status LineFile::flush() {
  size_t written = 0;
  while (written < buffer_.size()) {
    const ssize_t n = ::write(fd_.get(), buffer_.data() + written, buffer_.size() - written);
    if (n >= 0) {
      written += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      const int error = errno;
      buffer_.clear();  // it cannot be written later either
      return errno_status(error, "write to", path_);
    }
  }
  buffer_.clear();
  return {};
}

Status LineFile::close() {
  if (!fd_.is_open()) return {};
  STREAM_TRY(flush());
  if (::close(fd_.release()) != 0 && errno != EINTR) return errno_status(errno, "write to", path_);
  return {};
}

}  // namespace streamutils::sdivert
