// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/directory.hpp"

#include <algorithm>

namespace streamutils::ssink_file {

namespace {

constexpr size_t kMaxUnsynced = 400;     // files held open
constexpr size_t kMaxUnfinished = 1000;  // parts that wait for their names
constexpr size_t kCopyBytes = 1 << 20;
constexpr uint64_t kMaxLeft = 100;  // starts in a row that brought nothing in, whose files are looked for

}  // namespace

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash));
}

Directory::Directory(DirectorySettings settings, Disk& disk) : settings_(std::move(settings)), disk_(disk) {}

std::string Directory::hidden(std::string_view part, uint64_t generation) const {
  const size_t name = part.rfind('/') + 1;  // 0 without one
  return fmt::format("{}.{}.{}-{}.open", part.substr(0, name), part.substr(name), owner_, generation);
}

std::string Directory::place(std::string_view path) const { return fmt::format("{}/{}", settings_.place, path); }

Status Directory::another_file(std::string_view part, uint64_t generation) const {
  return usage_error(
      "'{}' is there already, and it is a file of somebody else; what belongs there is in '{}'; move the other file "
      "away, "
      "start again, and give each pipeline a --directory or --prefix of its own",
      place(part), place(hidden(part, generation)));
}

// ---- without a checkpoint

Status Directory::open_plain(std::string process) {
  owner_ = std::move(process);
  std::vector<std::string> made;
  STREAM_TRY(disk_.make_folders("", made));
  STREAM_ASSIGN(const uint64_t highest, highest_number());
  state_.next = highest + 1;
  return {};
}

Status Directory::apply_plain(std::string_view chunk) {
  uint64_t next = 0;
  STREAM_TRY(read_chunk(chunk, &next, *this));
  return state_.finishing.empty() ? Status() : commit();
}

Status Directory::finish_all() {
  if (state_.open.empty()) return {};
  state_.finishing.merge(state_.open);
  changed_ = true;
  return commit();
}

// ---- chunks

Status Directory::apply(const Cursor& after, const Cursor& at, std::string_view chunk) {
  if (state_.cursor >= at) return {};
  if (state_.cursor != after) {
    return failed("'{}' is at epoch {}, chunk {}; epoch {}, chunk {} does not follow", settings_.place,
                  state_.cursor.epoch, state_.cursor.chunk, at.epoch, at.chunk);
  }
  // A fresh start goes on with nothing that is there; what those parts hold was decided all the same.
  if (adrift_) state_.finishing.merge(state_.open);
  adrift_ = false;
  STREAM_TRY(check_generation());
  uint64_t next = 0;
  STREAM_TRY(read_chunk(chunk, &next, *this));
  state_.next = std::max(state_.next, next);
  state_.cursor = at;
  changed_ = true;
  return state_.finishing.size() >= kMaxUnfinished ? commit() : Status();
}

Status Directory::drain() {
  state_.committed = state_.generation;
  return commit();
}

Status Directory::write(std::string_view name, uint64_t offset, std::string_view bytes) {
  const std::string part(name);
  const auto known = state_.open.find(part);
  const uint64_t length = known == state_.open.end() ? 0 : known->second.length;
  if (offset != length) {
    return failed("'{}' is {} bytes long, where {} were expected", place(part), length, offset);
  }
  const std::string file = hidden(part, state_.generation);
  if (known == state_.open.end()) {
    std::vector<std::string> changed;
    STREAM_TRY(disk_.make_folders(folder_of(part), changed));
    folders_.insert(changed.begin(), changed.end());
    folders_.insert(folder_of(part));
    STREAM_ASSIGN(const auto other, disk_.size(part));
    if (other) return another_file(part, state_.generation);
    // What starts that were killed before they had brought this spool in have made of it.
    const uint64_t first = state_.generation - std::min(state_.generation, kMaxLeft);
    for (uint64_t before = std::max(state_.committed, first); before < state_.generation; ++before) {
      STREAM_TRY(disk_.remove(hidden(part, before)));
    }
  }
  STREAM_ASSIGN(const bool there,
                disk_.write_at(file, offset, bytes, known == state_.open.end() ? Disk::Create::yes : Disk::Create::no));
  if (!there) return usage_error("'{}' is gone: somebody has removed it; start over with --fresh", place(file));
  state_.open.insert_or_assign(part, DirectoryState::Part{offset + bytes.size(), state_.generation});
  written_.insert(file);
  return written_.size() >= kMaxUnsynced ? sync() : Status();
}

Status Directory::finish(std::string_view name, uint64_t length) {
  const auto found = state_.open.find(name);
  if (found == state_.open.end() || found->second.length != length) {
    return failed("'{}' is to be finished at {} bytes, and has {}", place(name), length,
                  found == state_.open.end() ? 0 : found->second.length);
  }
  state_.finishing.insert(state_.open.extract(found));
  return {};
}

// ---- the one place that makes things last

Status Directory::commit() {
  if (!changed_ && state_.finishing.empty() && written_.empty()) return {};
  STREAM_TRY(sync());
  if (checkpointed_) {
    STREAM_TRY(check_generation());
    STREAM_TRY(write_cursor());
    STREAM_TRY(check_generation());
  }
  STREAM_TRY(give_names(false));
  return {};
}

Status Directory::sync() {
  STREAM_TRY(disk_.sync_all(written_, folders_));
  written_.clear();
  folders_.clear();
  return {};
}

Status Directory::write_cursor() {
  const std::string path = cursor_path(state_.generation);
  const std::string unfinished = path + ".new";
  STREAM_TRY(disk_.remove(unfinished));
  STREAM_ASSIGN(const bool written, disk_.write_at(unfinished, 0, format_cursor(state_), Disk::Create::yes));
  if (!written) return failed("cannot make '{}/{}'", settings_.place, unfinished);
  STREAM_TRY(disk_.sync(unfinished));
  STREAM_TRY(disk_.replace(unfinished, path));
  STREAM_TRY(disk_.sync_folder(home_));
  changed_ = false;
  return {};
}

Status Directory::give_names(bool again) {
  for (const auto& [part, its] : state_.finishing) {
    STREAM_TRY(give_name(part, its, again));
    folders_.insert(folder_of(part));
  }
  for (const auto& [part, generation] : state_.garbage) STREAM_TRY(disk_.remove(hidden(part, generation)));
  STREAM_TRY(sync());
  finished_ += state_.finishing.size();
  state_.finishing.clear();
  state_.garbage.clear();
  return {};
}

/// `again`: it may have been done by an earlier start, and a reader may have taken the part away since.
Status Directory::give_name(const std::string& part, const DirectoryState::Part& its, bool again) {
  const std::string file = hidden(part, its.generation);
  STREAM_ASSIGN(const auto size, disk_.size(file));
  Disk::Renamed renamed = Disk::Renamed::source_missing;
  if (size) {
    if (*size < its.length) return failed("'{}' was cut short: {} of {} bytes", place(file), *size, its.length);
    if (*size > its.length) STREAM_TRY(copy(file, file, its.length));
    STREAM_ASSIGN(renamed, disk_.rename_new(file, part));
  }
  if (renamed == Disk::Renamed::target_exists) return another_file(part, its.generation);
  if (renamed == Disk::Renamed::done || again) return {};
  STREAM_ASSIGN(const auto there, disk_.size(part));  // a twin was quicker
  return there == its.length ? Status() : failed("'{}' is gone before it got its name", place(file));
}

/// Makes `to` of the first bytes of `from`, always as a new file: an old descriptor writes into the old one.
Status Directory::copy(const std::string& from, const std::string& to, uint64_t length) {
  const std::string unfinished = to + ".new";
  STREAM_TRY(disk_.remove(unfinished));
  for (uint64_t offset = 0; offset < length;) {
    STREAM_ASSIGN(const auto bytes, disk_.read(from, offset, std::min<uint64_t>(kCopyBytes, length - offset)));
    if (!bytes || bytes->empty()) return failed("'{}' was cut short while it was read", place(from));
    STREAM_ASSIGN(const bool written, disk_.write_at(unfinished, offset, *bytes, Disk::Create::yes));
    if (!written) return failed("cannot make '{}'", place(unfinished));
    offset += bytes->size();
  }
  STREAM_TRY(disk_.sync(unfinished));
  STREAM_TRY(disk_.replace(unfinished, to));
  return disk_.sync_folder(folder_of(to));
}

}  // namespace streamutils::ssink_file
