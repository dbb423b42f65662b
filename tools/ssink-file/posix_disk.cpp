// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>

#include "tools/ssink-file/disk.hpp"

namespace streamutils::ssink_file {

namespace {

Status disk_error(int error, std::string_view what, std::string_view path) {
  Status status = errno_status(error, what, path);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return failed("{}; make room, then start again", status.message());
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return usage_error("{}", status.message());
    default:
      return status;
  }
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

class PosixDisk final : public Disk {
 public:
  explicit PosixDisk(std::string directory) : directory_(std::move(directory)) {}

  Status make_folders(const std::string& path, std::vector<std::string>& changed) override {
    STREAM_TRY(make_directory());
    for (size_t end = 0; end < path.size();) {
      const size_t start = end == 0 ? 0 : end + 1;
      end = std::min(path.find('/', start), path.size());
      const std::string folder = full(path.substr(0, end));
      if (mkdir(folder.c_str(), 0777) == 0) {
        changed.push_back(path.substr(0, start == 0 ? 0 : start - 1));
      } else if (errno != EEXIST) {
        return disk_error(errno, "make folder", folder);
      }
    }
    return {};
  }

  Result<std::optional<uint64_t>> size(const std::string& path) override {
    struct stat info {};
    if (lstat(full(path).c_str(), &info) != 0) {
      if (errno == ENOENT) return std::optional<uint64_t>();
      return disk_error(errno, "look at", full(path));
    }
    if (!S_ISREG(info.st_mode)) return usage_error("'{}' is not a regular file", full(path));
    return std::optional(static_cast<uint64_t>(info.st_size));
  }

  Result<bool> write_at(const std::string& path, uint64_t offset, std::string_view bytes, Create create) override {
    auto found = files_.find(path);
    if (found == files_.end()) {
      const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (create == Create::yes ? O_CREAT : 0);
      Fd fd(open(full(path).c_str(), flags, 0666));
      if (fd.get() < 0 && errno == ENOENT && create == Create::no) return false;
      if (fd.get() < 0) return disk_error(errno, "open", full(path));
      found = files_.emplace(path, std::move(fd)).first;
    }
    while (!bytes.empty()) {
      const ssize_t n = pwrite(found->second.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return disk_error(n == 0 ? EIO : errno, "write to", full(path));
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return true;
  }

  Result<std::optional<std::string>> read(const std::string& path, uint64_t offset, size_t most) override {
    const Fd fd(open(full(path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd.get() < 0 && errno == ENOENT) return std::optional<std::string>();
    if (fd.get() < 0) return disk_error(errno, "open", full(path));
    struct stat info {};
    if (fstat(fd.get(), &info) != 0) return disk_error(errno, "read", full(path));
    // `most` may be a bound far beyond the file, and memory for it would be touched.
    const uint64_t length = static_cast<uint64_t>(info.st_size);
    most = std::min<uint64_t>(most, length > offset ? length - offset : 0);
    std::string bytes(most, '\0');
    size_t size = 0;
    while (size < most) {
      const ssize_t n = pread(fd.get(), bytes.data() + size, most - size, static_cast<off_t>(offset + size));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return disk_error(errno, "read", full(path));
      if (n == 0) break;
      size += static_cast<size_t>(n);
    }
    bytes.resize(size);
    return std::optional(std::move(bytes));
  }

  /// After a failed fsync the kernel may have dropped the bytes: there is no second try, the next start writes them
  /// again.
  Status sync(const std::string& path) override {
    const auto found = files_.find(path);
    if (found == files_.end()) {
      const Fd fd(open(full(path).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
      if (fd.get() < 0) return disk_error(errno, "open", full(path));
      return fsync(fd.get()) == 0 ? Status() : disk_error(errno, "sync", full(path));
    }
    const Fd fd(std::move(found->second));
    files_.erase(found);
    return fsync(fd.get()) == 0 ? Status() : disk_error(errno, "sync", full(path));
  }

  Status sync_folder(const std::string& path) override { return sync_full_folder(full(path)); }

  /// Each fsync is a commit of the file system's journal; with many, one syncfs of all of it is far quicker. It says by
  /// itself what failed as of Linux 5.8; the files' own state says it on every kernel.
  Status sync_all(const Paths& files, const Paths& folders) override {
    if (files.size() + folders.size() < kMany) return Disk::sync_all(files, folders);
    STREAM_TRY(make_directory());
    if (syncfs(whole_.get()) != 0) return disk_error(errno, "sync the file system of", directory_);
    for (const std::string& file : files) {
      const auto found = files_.find(file);
      if (found == files_.end()) continue;
      const Fd fd(std::move(found->second));
      files_.erase(found);
      if (sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) != 0) {
        return disk_error(errno, "sync", full(file));
      }
    }
    return {};
  }

  Result<Renamed> rename_new(const std::string& from, const std::string& to) override {
    files_.erase(from);
    const std::string source = full(from), target = full(to);
    if (renameat2(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) return Renamed::done;
    if (errno == EEXIST && !same_file(source, target)) return Renamed::target_exists;
    if (errno == ENOENT) return Renamed::source_missing;
    if (errno != EINVAL && errno != ENOSYS && errno != EEXIST) return disk_error(errno, "rename", source);
    // A file system that does not know the flag (NFS): a second name, then the first one goes.
    if (link(source.c_str(), target.c_str()) != 0 && !(errno == EEXIST && same_file(source, target))) {
      if (errno == EEXIST) return Renamed::target_exists;
      if (errno == ENOENT) return Renamed::source_missing;
      return disk_error(errno, "rename", source);
    }
    if (unlink(source.c_str()) != 0 && errno != ENOENT) return disk_error(errno, "remove", source);
    return Renamed::done;
  }

  Status replace(const std::string& from, const std::string& to) override {
    files_.erase(from);
    files_.erase(to);
    return ::rename(full(from).c_str(), full(to).c_str()) == 0 ? Status() : disk_error(errno, "rename", full(from));
  }

  Status remove(const std::string& path) override {
    files_.erase(path);
    return unlink(full(path).c_str()) == 0 || errno == ENOENT ? Status() : disk_error(errno, "remove", full(path));
  }

  Result<std::vector<Entry>> list(const std::string& path) override {
    std::vector<Entry> entries;
    const std::string folder = full(path);
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
    if (!dir && errno == ENOENT) return entries;
    if (!dir) return disk_error(errno, "list", folder);
    for (;;) {
      errno = 0;
      const dirent* entry = readdir(dir.get());
      if (!entry && errno != 0) return disk_error(errno, "list", folder);
      if (!entry) return entries;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      entries.push_back({std::string(name), is_folder(folder, *entry)});
    }
  }

 private:
  [[nodiscard]] std::string full(std::string_view path) const {
    if (path.empty()) return directory_;
    std::string result = directory_;
    if (result.back() != '/') result += '/';
    return result.append(path);
  }

  /// The directory itself and those above it, durable at once.
  Status make_directory() {
    if (made_) return {};
    for (size_t end = 0; end < directory_.size();) {
      end = std::min(directory_.find('/', end + 1), directory_.size());
      const std::string folder = directory_.substr(0, end);
      if (mkdir(folder.c_str(), 0777) == 0) {
        const size_t slash = folder.rfind('/');
        STREAM_TRY(sync_full_folder(slash == std::string::npos ? "." : folder.substr(0, std::max<size_t>(slash, 1))));
      } else if (errno != EEXIST) {
        // A folder above may be one that only others may write to.
        const int error = errno;
        if (access(folder.c_str(), F_OK) != 0) return disk_error(error, "make folder", folder);
      }
    }
    struct stat info {};
    if (stat(directory_.c_str(), &info) != 0) return disk_error(errno, "look at", directory_);
    if (!S_ISDIR(info.st_mode)) return disk_error(ENOTDIR, "write to", directory_);
    whole_ = Fd(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (whole_.get() < 0) return disk_error(errno, "open", directory_);
    made_ = true;
    return {};
  }

  static Status sync_full_folder(const std::string& path) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return disk_error(errno, "open", path);
    // Some file systems cannot sync a folder, and say so; their renames are durable by themselves.
    if (fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS) return disk_error(errno, "sync", path);
    return {};
  }

  static bool same_file(const std::string& a, const std::string& b) {
    struct stat x {
    }, y{};
    const bool same =
        lstat(a.c_str(), &x) == 0 && lstat(b.c_str(), &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    errno = EEXIST;
    return same;
  }

  static bool is_folder(const std::string& folder, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
    struct stat info {};
    return lstat(fmt::format("{}/{}", folder, entry.d_name).c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }

  static constexpr size_t kMany = 16;

  const std::string directory_;
  bool made_ = false;
  Fd whole_{-1};                     // the directory, open since before the first write that syncfs is asked about
  std::map<std::string, Fd> files_;  // written and not synced
};

}  // namespace

Status Disk::sync_all(const Paths& files, const Paths& folders) {
  for (const std::string& file : files) STREAM_TRY(sync(file));
  for (const std::string& folder : folders) STREAM_TRY(sync_folder(folder));
  return {};
}

std::unique_ptr<Disk> posix_disk(std::string directory) { return std::make_unique<PosixDisk>(std::move(directory)); }

}  // namespace streamutils::ssink_file
