// SPDX-License-Identifier: Apache-2.0
// The calls that the directory's files are made with, one by one, so that a test can stop between any two of them and
// forget what was not synced. Paths are relative to the directory; "" is the directory itself.
//
// Thread rule: one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"

namespace streamutils::ssink_file {

class Disk {
 public:
  virtual ~Disk() = default;
  /// Makes the folder and those above it. There already: ok. Adds to `changed` the folders that got a new entry.
  virtual Status make_folders(const std::string& path, std::vector<std::string>& changed) = 0;
  /// The size of a regular file; empty when there is none.
  virtual Result<std::optional<uint64_t>> size(const std::string& path) = 0;
  enum class Create : bool { no, yes };
  /// Writes at `offset`; the file stays open until sync(). False: the file is not there and is not to be made.
  virtual Result<bool> write_at(const std::string& path, uint64_t offset, std::string_view bytes, Create create) = 0;
  /// At most `most` bytes from `offset` on; fewer only at the end. Empty: there is no such file.
  virtual Result<std::optional<std::string>> read(const std::string& path, uint64_t offset, size_t most) = 0;
  /// The contents are durable when this returns ok.
  virtual Status sync(const std::string& path) = 0;
  /// Names made, changed or removed in the folder are durable when this returns ok.
  virtual Status sync_folder(const std::string& path) = 0;
  using Paths = std::set<std::string, std::less<>>;
  /// sync() of the files, then sync_folder() of the folders; cheaper when there are many.
  virtual Status sync_all(const Paths& files, const Paths& folders);
  enum class Renamed : uint8_t { done, target_exists, source_missing };
  /// Renames a file, never over another one.
  virtual Result<Renamed> rename_new(const std::string& from, const std::string& to) = 0;
  /// Renames a file over what may be there.
  virtual Status replace(const std::string& from, const std::string& to) = 0;
  /// Not there: ok.
  virtual Status remove(const std::string& path) = 0;
  struct Entry {
    std::string name;
    bool folder = false;
  };
  /// Unsorted; empty when the folder is not there.
  virtual Result<std::vector<Entry>> list(const std::string& path) = 0;
};

/// The real one, below `directory`, which need not be there yet. Errors name the path and what the system said; a full
/// disk also the remedy. What a restart cannot cure (no rights, not a folder) is a usage error.
std::unique_ptr<Disk> posix_disk(std::string directory);

}  // namespace streamutils::ssink_file
