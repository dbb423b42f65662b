// SPDX-License-Identifier: Apache-2.0
// The sink's own store: applies chunks to the directory, exactly once, whatever is killed and whenever.
//
// A part in progress has a hidden name, ".part-00000001.ndjson.<tag>.open", in the folder of the finished one; <tag> is
// of the pipeline and member, so that two pipelines never write into one file. Under
// ".streamutils/<pipeline>-<member>/" lie the cursor of each generation, "cursor-<20 digits>" (cursor.hpp), and a file
// to lock.
//
// How it is exactly once:
//  1. What a chunk does is decided: which bytes, in which part, at which offset. Doing it twice, or half and then
//  again,
//     leaves the same bytes in the same hidden file.
//  2. commit() is the only thing that moves the cursor: it syncs all that was written, then replaces the cursor file in
//     one rename. The new cursor says with it which parts are in progress, how long, and which are to be finished.
//  3. Only then do finished parts get their names. A start does again what the cursor says is to be finished; that a
//     hidden file is gone means that its part has got its name. So a part that a reader has taken away is not made
//     again.
//  4. The cursor file is of one generation, and each generation writes its own. A start takes over by making its own
//     from the newest there is; whoever then finds a later one stops. A generation never writes another one's cursor.
// A zombie (stopped, and woken up when a later generation has taken over) can be anywhere in apply() or commit(). It
// can only be applying the very spool that its successor has done again (it acknowledges no epoch before the one before
// is in the directory), so the bytes it writes are the same at the same place. It may make a hidden file that nobody
// knows any more: it stays hidden, since names are given only behind a look for a later generation. Its cursor is not
// read any more. The lock narrows the window between that look and the act to those who are stopped inside it; a start
// waits for it for a few seconds and then goes on without. A start that sets the directory back (--from-epoch, --fresh)
// insists on the lock, and gives the parts that it sets back a new file, so that nothing written through an old
// descriptor is seen.
//
// Thread rule: one thread.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/log.hpp"
#include "lib/base/time.hpp"
#include "lib/checkpoint/sink.hpp"
#include "tools/ssink-file/chunk.hpp"
#include "tools/ssink-file/cursor.hpp"
#include "tools/ssink-file/disk.hpp"

namespace streamutils::ssink_file {

struct DirectorySettings {
  std::string place;   ///< the directory as it was given, for messages
  std::string prefix;  ///< of the parts' names
  size_t depth = 0;    ///< how many folders deep parts lie
  std::function<void(Duration)> pause;
};

class Directory final : private Operations {
 public:
  /// `disk` and `log` live as long as this.
  Directory(DirectorySettings settings, Disk& disk, Log& log);

  /// Without a checkpoint: makes the directory; `tag` is of this process.
  Status open_plain(std::string tag);
  /// Without a checkpoint: applies a chunk; what it finishes has its name when this returns.
  Status apply_plain(std::string_view chunk);

  // The same calls of checkpoint::TransactionalSink.
  Result<Cursor> fence(const checkpoint::SinkIdentity& identity,
                       const checkpoint::TransactionalSink::Expected& expected);
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk);
  Status drain();

  /// The number of the next part, as far as the directory knows.
  [[nodiscard]] uint64_t next() const { return state_.next; }
  /// After fence(), for each part that restored memory has in progress: brings it back to `length`. False: it has been
  /// finished since.
  Result<bool> resume(const std::string& part, uint64_t length);
  /// After the last resume(): removes the parts in progress that were not resumed. What they hold comes again.
  Status resumed();
  /// Finishes all parts in progress: the stream has ended, and what it wrote is all decided.
  Status finish_all();

  [[nodiscard]] uint64_t finished() const { return finished_; }

 private:
  Status write(std::string_view part, uint64_t offset, std::string_view bytes) override;
  Status finish(std::string_view part, uint64_t length) override;

  Status commit();
  Status sync_files();
  Status sync_folders();
  Status write_cursor();
  Status give_names(bool again);
  Status give_name(const std::string& part, uint64_t length, bool again);
  Status compare(const std::string& part, uint64_t offset, std::string_view bytes);
  Status set_back(const std::string& part, uint64_t length);
  Status lock(bool must);
  Status check_generation();
  Result<std::set<uint64_t>> generations();
  Result<DirectoryState> newest_state(uint64_t generation);
  Status check_expected(const DirectoryState& found, bool is_there,
                        const checkpoint::TransactionalSink::Expected& expected) const;
  Result<uint64_t> highest_number();
  [[nodiscard]] std::string hidden(std::string_view part) const;
  [[nodiscard]] std::string cursor_path(uint64_t generation) const;
  [[nodiscard]] Status another_file(std::string_view part) const;

  const DirectorySettings settings_;
  Disk& disk_;
  Log& log_;
  bool checkpointed_ = false;
  std::string tag_;
  std::string home_;      // of cursors and lock
  DirectoryState state_;  // what the next cursor says
  bool changed_ = false;  // state_ is not what the cursor file says
  bool lock_lost_ = false;
  bool redoing_ = false;                          // the last spool is done again: a zombie may be ahead of us
  bool adrift_ = false;                           // parts in progress belong to nothing that was restored
  std::set<std::string, std::less<>> written_;    // hidden files that are not synced
  std::set<std::string, std::less<>> folders_;    // not synced
  std::set<std::string, std::less<>> elsewhere_;  // parts that already have their names
  std::set<std::string, std::less<>> resumed_;
  uint64_t finished_ = 0;
};

}  // namespace streamutils::ssink_file
