// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "lib/checkpoint/file_system.hpp"

namespace streamutils::checkpoint {

namespace {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

Descriptor open_file(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  return Descriptor(fd);
}

/// 0, or the errno.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

/// 0, or the errno. Appends at most `most` bytes from `offset` on.
int read_some(int fd, uint64_t offset, uint64_t most, std::string& out) {
  while (out.size() < most) {
    constexpr uint64_t kStep = 64 << 10;  // most objects are small, and resize() clears the memory
    const size_t had = out.size();
    const size_t want = std::min(most - had, kStep);
    out.resize(had + want);
    const ssize_t n = ::pread(fd, out.data() + had, want, static_cast<off_t>(offset + had));
    const int error = errno;
    out.resize(had + (n > 0 ? static_cast<size_t>(n) : 0));
    if (n < 0 && error == EINTR) continue;
    if (n < 0) return error;
    if (n == 0) return 0;
  }
  return 0;
}

class PosixFile final : public FileSystem::File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status append(std::string_view bytes) override {
    const int error = write_all(fd_.get(), bytes);
    return error ? file_status(error, "write", path_) : Status();
  }
  Status sync() override {
    // Once a sync has failed the kernel may have dropped the pages and the next one may lie.
    if (!failed_) failed_ = ::fsync(fd_.get()) == 0 ? 0 : errno;
    return failed_ ? file_status(failed_, "sync", path_) : Status();
  }

 private:
  Descriptor fd_;
  std::string path_;
  int failed_ = 0;
};

class PosixLock final : public FileSystem::Lock {
 public:
  explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

bool is_folder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat x {
  }, y{};
  return ::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/// 0, or the errno.
int make_folder_chain(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return 0;
  const int error = errno;
  if (error == EEXIST || is_folder(path)) return is_folder(path) ? 0 : ENOTDIR;
  const size_t slash = path.find_last_of('/');
  if (error != ENOENT || slash == std::string::npos || slash == 0) return error;
  if (const int above = make_folder_chain(path.substr(0, slash))) return above;
  return ::mkdir(path.c_str(), 0777) == 0 || is_folder(path) ? 0 : errno;
}

class PosixFileSystem final : public FileSystem {
 public:
  Status make_folders(const std::string& path) override {
    std::string plain = path;
    while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
    int error = ENOENT;
    // Somebody else may remove an empty folder of the chain in between.
    for (int i = 0; i < 10 && error == ENOENT; ++i) error = make_folder_chain(plain);
    if (error == 0) return {};
    Status status = file_status(error, "make the directory", path);
    // No name can be made there, by nobody: /proc says so.
    return error == ENOENT ? Status(Code::usage, std::string(status.message())) : std::move(status);
  }

  Result<std::string> real_path(const std::string& path) override {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (!real) return file_status(errno, "open", path);
    return std::string(real.get());
  }

  Result<std::unique_ptr<File>> create(const std::string& path) override {
    Descriptor fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
    if (!fd.ok()) return file_status(errno, "create", path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(fd), path));
  }

  Result<bool> link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return true;
    const int error = errno;
    // A network file system may have done it and lost the answer.
    if (error == EEXIST) return same_file(from, to);
    if (error == EPERM || error == EOPNOTSUPP) {
      return usage_error("cannot link '{}': {} (the file system must know hard links)", to,
                         std::generic_category().message(error));
    }
    return file_status(error, "link", to);
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
    return file_status(errno, "remove", path);
  }

  Status sync_folder(const std::string& path) override {
    const Descriptor fd = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!fd.ok() || ::fsync(fd.get()) != 0) return file_status(errno, "sync", path);
    return {};
  }

  Result<std::optional<std::string>> read(const std::string& path, uint64_t offset, uint64_t most) override {
    const Descriptor fd = open_file(path, O_RDONLY);
    if (!fd.ok() && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
    struct stat info {};
    if (!fd.ok() || ::fstat(fd.get(), &info) != 0) return file_status(errno, "open", path);
    if (S_ISDIR(info.st_mode)) return std::optional<std::string>();
    std::string bytes;
    const auto size = static_cast<uint64_t>(info.st_size);
    bytes.reserve(std::min(most, size > offset ? size - offset : 0));
    if (const int error = read_some(fd.get(), offset, most, bytes)) return file_status(error, "read", path);
    return std::optional(std::move(bytes));
  }

  Result<bool> exists(const std::string& path) override {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return file_status(errno, "open", path);
  }

  Result<std::vector<Entry>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
    std::vector<Entry> entries;
    if (!folder && errno == ENOENT) return entries;
    if (!folder) return file_status(errno, "open", path);
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (!entry && errno == ENOENT) return entries;  // removed meanwhile
      if (!entry && errno != 0) return file_status(errno, "read", path);
      if (!entry) return entries;
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      const bool is = entry->d_type == DT_DIR || (entry->d_type == DT_UNKNOWN && is_folder(path + '/' + name));
      entries.push_back({std::move(name), is});
    }
  }

  Status remove_folder(const std::string& path) override {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) return {};
    return file_status(errno, "remove", path);
  }

  Result<std::unique_ptr<Lock>> try_lock(const std::string& path, std::string_view holder,
                                         std::string* other) override {
    Descriptor fd = open_file(path, O_RDWR | O_CREAT);
    if (!fd.ok()) return file_status(errno, "open", path);
    const int result = lock_now(fd.get(), LOCK_EX);
    if (result != 0 && errno == EWOULDBLOCK) {
      other->clear();
      if (const int error = read_some(fd.get(), 0, kMaxHolder, *other)) return file_status(error, "read", path);
      return std::unique_ptr<Lock>();
    }
    if (result != 0) return file_status(errno, "lock", path);
    // The lock holds without the text; on a full disk its holder only stays unnamed.
    if (!holder.empty() && ::ftruncate(fd.get(), 0) == 0) (void)write_all(fd.get(), holder);
    return std::unique_ptr<Lock>(std::make_unique<PosixLock>(std::move(fd)));
  }

  Result<LockView> look_at_lock(const std::string& path) override {
    const Descriptor fd = open_file(path, O_RDONLY);
    if (!fd.ok() && errno == ENOENT) return LockView();
    if (!fd.ok()) return file_status(errno, "open", path);
    const int result = lock_now(fd.get(), LOCK_SH);  // given back at once: it ends with the descriptor
    if (result != 0 && errno != EWOULDBLOCK) return file_status(errno, "lock", path);
    LockView view{.held = result != 0, .holder = {}};
    if (const int error = read_some(fd.get(), 0, kMaxHolder, view.holder)) return file_status(error, "read", path);
    return view;
  }

 private:
  static constexpr uint64_t kMaxHolder = 4096;

  static int lock_now(int fd, int how) {
    int result = 0;
    do {
      result = ::flock(fd, how | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result;
  }
};

std::string_view remedy(int error) {
  switch (error) {
    case ENOSPC:
      return " (free some; the pipeline goes on from its last checkpoint at the next start)";
    case EDQUOT:
      return " (free some or raise the quota; the pipeline goes on from its last checkpoint at the next start)";
    case EIO:
      return " (see to the disk; the pipeline goes on from its last checkpoint at the next start)";
    case EROFS:
      return " (mount it writable; the pipeline goes on from its last checkpoint at the next start)";
    default:
      return "";
  }
}

}  // namespace

Status file_status(int error, std::string_view what, std::string_view path) {
  const bool lasting = error == EACCES || error == EPERM || error == ENOTDIR || error == EISDIR || error == ELOOP ||
                       error == ENAMETOOLONG;
  return Status(lasting ? Code::usage : Code::failed,
                fmt::format("cannot {} '{}': {}{}", what, path, std::generic_category().message(error), remedy(error)));
}

std::unique_ptr<FileSystem> posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace streamutils::checkpoint
