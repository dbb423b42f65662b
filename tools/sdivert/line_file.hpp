// SPDX-License-Identifier: Apache-2.0
// A file that side records are written to, one a line.
//
// Under a checkpoint the file is set back at a restart, and each start writes to an inode of its own: what an older
// start that was stopped still writes when it wakes goes to a file without a name.
#pragma once
#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>

#include "lib/process/child.hpp"

namespace streamutils::sdivert {

class LineFile {
 public:
  explicit LineFile(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Without touching the file: is there a folder for it, and no folder in its place?
  [[nodiscard]] Status check() const;
  /// Makes or empties the file; `append` keeps what is in it.
  Status open(bool append);
  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  Status write(std::string_view line);
  /// Everything written so far is in the file (not synced) when this returns ok.
  Status flush();
  /// Flushes and closes. A failed close (a full disk behind a network) is a failed status.
  Status close();

  /// As open(), for a file that can be set back: in a new inode. A usage error when it is no regular file.
  Status begin(bool append);
  /// Opens the file with its first `length` bytes, in a new inode that takes its place when it is whole and durable. On
  /// failure (the file is missing or shorter: a usage error with the way out) it is as it was.
  Status set_back(uint64_t length);
  /// Everything written so far is durable when this returns ok. Fails when another file has taken the place of this
  /// one.
  Status sync();
  /// As of the last sync().
  [[nodiscard]] uint64_t length() const { return length_; }

 private:
  /// What has the file's name now. Nothing: `fd` is closed, and the rest as of an empty file.
  struct Before {
    std::string path;  ///< behind symbolic links
    Fd fd;
    struct stat info;
    [[nodiscard]] uint64_t size() const { return static_cast<uint64_t>(info.st_size); }
  };
  [[nodiscard]] Result<Before> look() const;
  Status replace(const Before& before, uint64_t length);
  Status sync_folder(const std::string& path) const;

  std::string path_;
  Fd fd_;
  std::string buffer_;
  uint64_t length_ = 0;
};

}  // namespace streamutils::sdivert
