// SPDX-License-Identifier: Apache-2.0
#include "lib/program/metrics_file.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>

namespace streamutils {

namespace {

constexpr int kMaxLinks = 40;  // as many as the kernel follows

/// The folder with its slash, empty for the current one.
std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

/// What `path` leads to when its last part is a symbolic link; it need not exist.
Result<std::string> follow_links(std::string path) {
  const std::string first = path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    std::array<char, PATH_MAX> target;
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return path;  // not a link, or nothing there
    const std::string text(target.data(), static_cast<size_t>(size));
    path = text.starts_with('/') ? text : folder_of(path) + text;
  }
  return errno_status(ELOOP, "write to", first);
}

/// The path to rename onto. Asked before each write: what is there may have changed.
Result<std::string> find_target(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode)) {
    return failed("cannot write to '{}': not a regular file", path);
  }
  return follow_links(path);
}

struct Temporary {
  std::string path;
  int fd = -1;
};

Result<Temporary> create_beside(const std::string& target) {
  const std::string folder = folder_of(target);
  Temporary made{.path = fmt::format("{}.{}.{}.tmp", folder, target.substr(folder.size()), getpid())};
  const auto create = [&] {
    return open(made.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  };
  made.fd = create();
  if (made.fd < 0 && errno == EEXIST && unlink(made.path.c_str()) == 0) {
    made.fd = create();  // left by a process of this id that was killed: in a container it is always the same
  }
  if (made.fd < 0) return errno_status(errno, "create", made.path);
  return made;
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return errno_status(n < 0 ? errno : ENOSPC, "write", path);
    text.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

Result<MetricsFile> MetricsFile::create(std::string path) {
  const auto usable = [&]() -> Status {
    STREAM_ASSIGN(const std::string target, find_target(path));
    STREAM_ASSIGN(const Temporary made, create_beside(target));
    close(made.fd);
    unlink(made.path.c_str());
    return {};
  };
  if (Status status = usable(); !status.ok()) {
    return usage_error("--metrics-file '{}': {}", path, status.message());
  }
  return MetricsFile(std::move(path));
}

Status MetricsFile::write(const Metrics& metrics) const {
  STREAM_ASSIGN(const std::string target, find_target(path_));
  STREAM_ASSIGN(const Temporary made, create_beside(target));
  Status status = write_all(made.fd, metrics.prometheus_text(), made.path);
  if (close(made.fd) != 0 && status.ok()) status = errno_status(errno, "write", made.path);
  if (status.ok() && rename(made.path.c_str(), target.c_str()) != 0) status = errno_status(errno, "rename to", target);
  if (!status.ok()) unlink(made.path.c_str());
  return status;
}

MetricsThread::MetricsThread(const MetricsFile& file, const Metrics& metrics, Log& log)
    : file_(file), metrics_(metrics), log_(log) {
  // The new thread inherits the mask: a signal has to reach the main thread, whose poll(2) it ends.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void MetricsThread::run() {
  bool warned = false;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; })) {
    lock.unlock();
    const Status status = file_.write(metrics_);
    if (!status.ok() && !warned) log_.warn("{}", status.message());
    warned = warned || !status.ok();
    lock.lock();
  }
}

void MetricsThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status MetricsThread::finish() {
  stop();
  return file_.write(metrics_);
}

}  // namespace streamutils
