// SPDX-License-Identifier: Apache-2.0
// The sink's own store: applies chunks to the directory, exactly once, whatever is killed and whenever.
//
// A part in progress has a hidden name, ".part-00000001.ndjson.<tag>.open", in the folder of the finished one. <tag> is
// of the pipeline, the member and the generation that writes it: each writes under names of its own, and adopts those
// of the one before by renaming them. The cursor of each generation lies under ".streamutils/<pipeline>-<member>/" as
// "cursor-<20 digits>" (cursor.hpp).
//
// How it is exactly once:
//  1. What a chunk does is decided: which bytes, in which part, at which offset. Doing it twice, or half and then
//  whole,
//     leaves the same bytes in the same place.
//  2. commit() is the only thing that moves the cursor: it syncs all that was written, then replaces the cursor file in
//     one rename. The new cursor says with it which parts are in progress, how long, and which are to be finished.
//  3. Only then do finished parts get their names. A start does again what the cursor says is to be finished; that a
//     hidden file is gone means that its part has got its name. So a part that a reader took away is not made again.
//  4. Each generation writes its own cursor and nobody else's. A start takes over by making its own from the newest
//  one,
//     and reads that again once its own can be seen. Whoever finds a later cursor stops.
//
// A zombie was stopped anywhere in apply() or commit(), and goes on when a later generation has taken over. No lock
// could keep it out: it may be stopped while it holds it. None is needed:
//  - What it writes through a descriptor into a part that was adopted is what its successor has written there: it can
//    only be at the spool that was redone, since no epoch is acknowledged before the one before it is in the directory.
//    Where its successor decides otherwise (--from-epoch, --fresh) the parts are copied, not renamed.
//  - What it makes anew bears its own generation's name; nobody looks at that. It stays there, hidden.
//  - Between its commit and the names it gives it looks for a later cursor. If there was none, its own cursor was read
//  by
//    the successor, which gives the same names to the same files: one of the two finds them gone.
//
// Thread rule: one thread.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "lib/checkpoint/sink.hpp"
#include "tools/ssink-file/chunk.hpp"
#include "tools/ssink-file/cursor.hpp"
#include "tools/ssink-file/disk.hpp"

namespace streamutils::ssink_file {

/// The part of a path in front of its last '/'; "" without one.
std::string folder_of(std::string_view path);

struct DirectorySettings {
  std::string place;   ///< the directory as it was given, for messages
  std::string prefix;  ///< of the parts' names
  size_t depth = 0;    ///< how many folders deep parts lie
};

class Directory final : private Operations {
 public:
  /// `disk` lives as long as this.
  Directory(DirectorySettings settings, Disk& disk);

  /// Without a checkpoint: makes the directory; `process` is a name that no other process has.
  Status open_plain(std::string process);
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
  Status sync();
  Status write_cursor();
  Status give_names(bool again);
  Status give_name(const std::string& part, const DirectoryState::Part& its, bool again);
  Status copy(const std::string& from, const std::string& to, uint64_t length);
  Status check_generation();
  Status take_over(DirectoryState found, const checkpoint::TransactionalSink::Expected& expected);
  Status adopt(uint64_t newest);
  Result<std::set<uint64_t>> generations();
  Result<DirectoryState> read_state(uint64_t generation);
  Status check_expected(const DirectoryState& found, bool is_there,
                        const checkpoint::TransactionalSink::Expected& expected) const;
  Result<uint64_t> highest_number();
  Status walk(const std::function<Status(const std::string&, const std::string&)>& see);
  Status sweep();
  [[nodiscard]] std::string hidden(std::string_view part, uint64_t generation) const;
  [[nodiscard]] std::string place(std::string_view path) const;
  [[nodiscard]] std::string cursor_path(uint64_t generation) const;
  [[nodiscard]] Status another_file(std::string_view part, uint64_t generation) const;

  const DirectorySettings settings_;
  Disk& disk_;
  bool checkpointed_ = false;
  std::string owner_;     // in hidden names
  std::string home_;      // of cursors
  DirectoryState state_;  // what the next cursor says
  bool changed_ = false;  // state_ is not what the cursor file says
  bool adrift_ = false;   // parts in progress belong to nothing that was restored
  Disk::Paths written_;   // hidden files that are not synced
  Disk::Paths folders_;   // not synced
  std::set<std::string, std::less<>> resumed_;
  uint64_t finished_ = 0;
};

}  // namespace streamutils::ssink_file
