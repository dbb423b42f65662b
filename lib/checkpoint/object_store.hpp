// SPDX-License-Identifier: Apache-2.0
// What checkpoints are kept in: named objects that are written once and never change.
//
// What is asked of a store, whatever it is made of (a directory, S3):
//  1. An object is visible whole or not at all, and durable when the call that made it has returned.
//  2. Of two writers of one name exactly one succeeds.
//  3. get(), exists() and list() see everything that was made before they were called.
//  4. What get() and exists() have shown is durable: whoever acts on a decision never sees it undone by a loss of
//  power.
// Names are paths of two or more [A-Za-z0-9._-] parts joined by '/', none of which begins with '.'. Thread rule: one
// thread at a time.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/checkpoint/file_system.hpp"

namespace streamutils::checkpoint {

/// An object in the making; it becomes visible by commit() alone.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Status append(std::string_view bytes) = 0;
  /// False: an object of that name is there, untouched, and this one is gone.
  virtual Result<bool> commit() = 0;
};

class ObjectStore {
 public:
  /// Held as long as this object lives; it ends with the process.
  class Lock {
   public:
    virtual ~Lock() = default;
  };

  virtual ~ObjectStore() = default;
  /// What names the store in messages and in `open`: the same text for every program that uses it.
  [[nodiscard]] virtual const std::string& place() const = 0;
  /// False: an object of that name is there, untouched.
  virtual Result<bool> put_if_absent(std::string_view name, std::string_view bytes) = 0;
  virtual Result<std::unique_ptr<ObjectWriter>> create(std::string_view name) = 0;
  /// Empty: there is no such object.
  virtual Result<std::optional<std::string>> get(std::string_view name) = 0;
  /// At most `most` bytes from `offset` on; fewer only at the end of the object. Empty: there is no such object.
  virtual Result<std::optional<std::string>> read(std::string_view name, uint64_t offset, uint64_t most) = 0;
  virtual Result<bool> exists(std::string_view name) = 0;
  /// All names that begin with `prefix` (empty, or ending in '/'), sorted.
  virtual Result<std::vector<std::string>> list(std::string_view prefix) = 0;
  /// Not there: ok.
  virtual Status remove(std::string_view name) = 0;
  /// Tries to be the only one who holds the store's lock. Null: another has it; *other is what that one gave as
  /// `holder`. An empty `holder`, of one who only looks, leaves the last one's words.
  virtual Result<std::unique_ptr<Lock>> try_lock(std::string_view holder, std::string* other) = 0;
  /// Who holds the lock, or held it last. Changes nothing.
  virtual Result<FileSystem::LockView> look_at_lock() = 0;
  /// Removes what writers that are gone have left unfinished. REQUIRES: no other writer is at work but `own_run`'s.
  virtual Status clean(std::string_view own_run) = 0;
};

/// A directory as a store. Objects are written under tmp/<run>.<pid>.<n>.<kind>, synced, linked to their name, and the
/// folders synced. A file `format` names the layout. `files` lives as long as the store.
/// On failure: a usage error when `path` cannot be a directory of ours.
Result<std::unique_ptr<ObjectStore>> open_directory_store(std::string path, FileSystem& files);
/// The same without making the directory: for looking at it (point 4 above is not kept). A path that holds no
/// checkpoints is a usage error.
Result<std::unique_ptr<ObjectStore>> open_existing_store(std::string path, FileSystem& files);

}  // namespace streamutils::checkpoint
