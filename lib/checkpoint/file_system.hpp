// SPDX-License-Identifier: Apache-2.0
// The calls of a file system that durability depends on, one by one, so that a test can stop between any two of them
// and forget what was not synced.
//
// Thread rule: one thread at a time. Complexity: that of the system call.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"

namespace streamutils::checkpoint {

class FileSystem {
 public:
  /// A file that is being written. Closing it makes nothing durable.
  class File {
   public:
    virtual ~File() = default;
    virtual Status append(std::string_view bytes) = 0;
    /// The contents survive a loss of power when this returns ok; the name does only after sync_folder().
    virtual Status sync() = 0;
  };
  /// An advisory lock that ends with this object or with the process.
  class Lock {
   public:
    virtual ~Lock() = default;
  };

  virtual ~FileSystem() = default;
  /// Makes the folder and those above it. There already: ok.
  virtual Status make_folders(const std::string& path) = 0;
  /// The one absolute path, without links and dots, that `path` stands for. Not there: an error.
  virtual Result<std::string> real_path(const std::string& path) = 0;
  /// Fails when the file is there.
  virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;
  /// A second name for a file. False: `to` is there already, untouched.
  virtual Result<bool> link(const std::string& from, const std::string& to) = 0;
  /// Not there: ok.
  virtual Status remove(const std::string& path) = 0;
  /// Names made or removed in the folder are durable when this returns ok.
  virtual Status sync_folder(const std::string& path) = 0;
  /// Empty: there is no such file (a folder is none). Otherwise at most `most` bytes from `offset` on (fewer only at
  /// the end of the file).
  virtual Result<std::optional<std::string>> read(const std::string& path, uint64_t offset, uint64_t most) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;  ///< A file or a folder.
  struct Entry {
    std::string name;
    bool folder = false;
  };
  /// Unsorted; empty when the folder is not there.
  virtual Result<std::vector<Entry>> list(const std::string& path) = 0;
  virtual Status remove_folder(const std::string& path) = 0;  ///< Not there or not empty: ok.
  /// Takes the lock on `path`, made when it is not there, and writes `holder` into it unless that is empty. Null:
  /// another process has it, and what it wrote is in *other.
  virtual Result<std::unique_ptr<Lock>> try_lock(const std::string& path, std::string_view holder,
                                                 std::string* other) = 0;
  struct LockView {
    bool held = false;
    std::string holder;  ///< the last one; empty when there was none
  };
  /// Writes nothing. (A try_lock() of another process at the same moment may fail once, as if the lock were held.)
  virtual Result<LockView> look_at_lock(const std::string& /*path*/) { return LockView(); }
};

/// "cannot <what> '<path>': <strerror(error)>" with the remedy of a full or failing disk. Code::usage for what no retry
/// mends: no permission, not a folder.
Status file_status(int error, std::string_view what, std::string_view path);

/// The real one. Errors are file_status()'s.
std::unique_ptr<FileSystem> posix_file_system();

}  // namespace streamutils::checkpoint
