// SPDX-License-Identifier: Apache-2.0
#include "tools/sdivert/line_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

namespace streamutils::sdivert {

namespace {
constexpr size_t kFlushBytes = 64 << 10;

/// A path without symbolic links, so that the file they lead to is replaced and not the link. A file that is not there
/// keeps its path.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : path;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// The first `length` bytes of `from` to `to`. False: errno says why; 0 when `from` is shorter.
bool copy_bytes(int from, int to, uint64_t length) {
  std::array<char, 64 << 10> buffer;
  bool in_kernel = true;  // which shares blocks where the file system can
  while (length > 0) {
    ssize_t n = 0;
    if (in_kernel) {
      n = copy_file_range(from, nullptr, to, nullptr, std::min<uint64_t>(length, 1 << 30), 0);
      if (n == 0 || (n < 0 && errno != EINTR)) {
        in_kernel = false;
        continue;
      }
    } else {
      n = ::read(from, buffer.data(), std::min<uint64_t>(length, buffer.size()));
      for (ssize_t done = 0; done < n;) {
        const ssize_t written = ::write(to, buffer.data() + done, static_cast<size_t>(n - done));
        if (written < 0 && errno != EINTR) return false;
        done += std::max<ssize_t>(written, 0);
      }
      if (n < 0 && errno != EINTR) return false;
    }
    if (n == 0) {
      errno = 0;
      return false;
    }
    if (n > 0) length -= static_cast<uint64_t>(n);
  }
  return true;
}

Status cannot_set_back(const std::string& path, uint64_t length, std::string_view why) {
  return usage_error(
      "cannot set '{}' back to {} bytes, which it had at the checkpoint: {}; put it back, or start over with --fresh",
      path, length, why);
}

}  // namespace

Status LineFile::check() const {
  struct stat info {};
  if (stat(path_.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? usage_error("cannot write to '{}': it is a folder", path_) : Status();
  }
  const std::string folder = folder_of(path_);
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

Result<LineFile::Before> LineFile::look() const {
  Before before{.path = resolved(path_), .fd = Fd(), .info = {}};
  before.info.st_mode = S_IFREG;
  before.fd.reset(::open(before.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (before.fd.is_open() ? fstat(before.fd.get(), &before.info) != 0 : errno != ENOENT) {
    return errno_status(errno, "open", path_);
  }
  return before;
}

Status LineFile::begin(bool append) {
  STREAM_ASSIGN(const Before before, look());
  return replace(before, append ? before.size() : 0);
}

Status LineFile::set_back(uint64_t length) {
  STREAM_ASSIGN(const Before before, look());
  if (before.size() < length) {
    return cannot_set_back(
        path_, length, before.fd.is_open() ? fmt::format("it has {} now", before.size()) : std::string("it is gone"));
  }
  return replace(before, length);
}

Status LineFile::replace(const Before& before, uint64_t length) {
  const auto& [path, old, info] = before;
  if (!S_ISREG(info.st_mode)) {
    return usage_error(
        "'{}' is no regular file: with a checkpoint a file of --to is set back at a restart; give a file, or --exec "
        "with one "
        "of the ssink-... programs",
        path_);
  }
  // One name for all starts: what one left behind when it was killed is taken away by the next.
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string fresh = (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + '.' + name + ".sdivert";
  ::unlink(fresh.c_str());
  Fd made(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!made.is_open()) return errno_status(errno, "open", fresh);
  bool good = length == 0 || copy_bytes(old.get(), made.get(), length);
  if (good && old.is_open()) {
    good = fchmod(made.get(), info.st_mode & 07777) == 0;
    // Only root can give a file away; for others it is theirs already, or becomes theirs.
    if (fchown(made.get(), info.st_uid, info.st_gid) != 0) errno = 0;
  }
  good = good && fsync(made.get()) == 0 && rename(fresh.c_str(), path.c_str()) == 0;
  if (!good) {
    const int error = errno;
    ::unlink(fresh.c_str());
    if (error == 0) return cannot_set_back(path_, length, "it has become shorter");
    return errno_status(error, "write to", fresh);
  }
  STREAM_TRY(sync_folder(path));
  fd_ = std::move(made);
  length_ = length;
  buffer_.clear();
  return {};
}

Status LineFile::sync_folder(const std::string& path) const {
  const Fd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open() || (fsync(folder.get()) != 0 && errno != EINVAL)) {
    return errno_status(errno, "sync the folder of", path_);
  }
  return {};
}

Status LineFile::sync() {
  STREAM_TRY(flush());
  struct stat own {
  }, named{};
  if (fsync(fd_.get()) != 0 || fstat(fd_.get(), &own) != 0) return errno_status(errno, "write to", path_);
  if (stat(path_.c_str(), &named) != 0 || named.st_ino != own.st_ino || named.st_dev != own.st_dev) {
    return usage_error(
        "'{}' was moved, removed or replaced while it was written: with a checkpoint it has to stay (another start of "
        "this "
        "pipeline may have it now)",
        path_);
  }
  length_ = static_cast<uint64_t>(own.st_size);
  return {};
}

}  // namespace streamutils::sdivert
