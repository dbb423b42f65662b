// SPDX-License-Identifier: Apache-2.0
// The file of --metrics-file and the thread that keeps it up to date.
#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "lib/base/log.hpp"
#include "lib/base/metrics.hpp"
#include "lib/base/status.hpp"

namespace streamutils {

/// A file that is replaced by the current figures in one step, so that whoever reads it (node_exporter's textfile
/// collector) sees either the old or the new text. Only a regular file is ever replaced; of a symbolic link, what it
/// leads to. `.NAME.PID.tmp` beside it is written on the way. Not synced: the file is of no use after a crash.
class MetricsFile {
 public:
  /// A usage error when `path` is something other than a regular file, or its folder takes no files. Leaves nothing
  /// behind.
  static Result<MetricsFile> create(std::string path);
  Status write(const Metrics& metrics) const;

 private:
  explicit MetricsFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// Writes the file once a second from a thread of its own, so that it goes on while the loop waits for a full pipe or a
/// server. The thread takes no signals. Metrics may be made and removed meanwhile.
class MetricsThread {
 public:
  /// All must outlive this object.
  MetricsThread(const MetricsFile& file, const Metrics& metrics, Log& log);
  ~MetricsThread() { stop(); }
  MetricsThread(const MetricsThread&) = delete;
  MetricsThread& operator=(const MetricsThread&) = delete;
  /// Ends the thread, then writes the last figures. The failure of an earlier write was only warned of, once. Call it
  /// once.
  Status finish();

 private:
  void run();
  void stop();

  const MetricsFile& file_;
  const Metrics& metrics_;
  Log& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace streamutils
