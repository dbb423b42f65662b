// SPDX-License-Identifier: Apache-2.0
// How a start begins in a directory: what is there, who wrote it, and taking it over.
#include <algorithm>
#include <charconv>

#include "tools/ssink-file/directory.hpp"
#include "tools/ssink-file/path.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace streamutils::ssink_file {

namespace {

constexpr size_t kMaxCursorBytes = 1 << 30;
constexpr uint64_t kMaxNumber = 1'000'000'000'000'000;
constexpr std::string_view kHome = ".streamutils";
constexpr std::string_view kCursor = "cursor-";

std::optional<uint64_t> digits(std::string_view text) {
  uint64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The number in "part-00000012.ndjson", hidden or not.
std::optional<uint64_t> part_number(std::string_view name, std::string_view prefix) {
  if (name.starts_with('.')) name.remove_prefix(1);
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  const size_t dot = name.find('.');
  if (!name.starts_with('-') || dot == std::string_view::npos || !name.substr(dot).starts_with(".ndjson"))
    return std::nullopt;
  const auto number = digits(name.substr(1, dot - 1));
  return number && *number < kMaxNumber ? number : std::nullopt;
}

}  // namespace

/// Of all parts with our prefix.
Result<uint64_t> Directory::highest_number() {
  uint64_t highest = 0;
  STREAM_TRY(walk([&](const std::string&, const std::string& name) {
    if (const auto number = part_number(name, settings_.prefix)) highest = std::max(highest, *number);
    return Status();
  }));
  return highest;
}

/// Calls `see(folder, name)` for each file where parts lie; it does not go into other folders.
Status Directory::walk(const std::function<Status(const std::string&, const std::string&)>& see) {
  std::vector<std::pair<std::string, size_t>> folders{{"", 0}};
  while (!folders.empty()) {
    const auto [folder, depth] = std::move(folders.back());
    folders.pop_back();
    STREAM_ASSIGN(const auto entries, disk_.list(folder));
    for (const Disk::Entry& entry : entries) {
      if (!entry.folder) {
        STREAM_TRY(see(folder, entry.name));
      } else if (depth < settings_.depth && !entry.name.starts_with('.')) {
        folders.emplace_back(folder.empty() ? entry.name : fmt::format("{}/{}", folder, entry.name), depth + 1);
      }
    }
  }
  return {};
}

/// Removes hidden files of ours that no cursor knows: a start that was killed in the middle of a spool has left them,
/// and the spool is not redone.
Status Directory::sweep() {
  std::set<std::string> known;
  for (const auto* parts : {&state_.open, &state_.finishing}) {
    for (const auto& [part, its] : *parts) known.insert(hidden(part, its.generation));
  }
  return walk([&](const std::string& folder, const std::string& name) {
    const std::string path = folder.empty() ? name : fmt::format("{}/{}", folder, name);
    const bool ours = name.starts_with('.') && name.find(fmt::format(".{}-", owner_)) != std::string::npos;
    return ours && !known.contains(path) ? disk_.remove(path) : Status();
  });
}

std::string Directory::cursor_path(uint64_t generation) const {
  return fmt::format("{}/{}{:020}", home_, kCursor, generation);
}

Result<std::set<uint64_t>> Directory::generations() {
  STREAM_ASSIGN(const auto entries, disk_.list(home_));
  std::set<uint64_t> found;
  for (const Disk::Entry& entry : entries) {
    const std::string_view name = entry.name;
    if (!name.starts_with(kCursor)) continue;
    if (const auto number = digits(name.substr(kCursor.size()))) found.insert(*number);  // not "….new"
  }
  return found;
}

Status Directory::check_generation() {
  STREAM_ASSIGN(const auto all, generations());
  if (!all.empty() && *all.rbegin() > state_.generation) {
    return checkpoint::fenced(fmt::format("'{}'", settings_.place), state_.generation, *all.rbegin());
  }
  if (!all.contains(state_.generation)) {
    return usage_error("'{}/{}' is gone: somebody has removed it while it was in use; start over with --fresh",
                       settings_.place, cursor_path(state_.generation));
  }
  return {};
}

Result<DirectoryState> Directory::read_state(uint64_t generation) {
  const std::string path = cursor_path(generation);
  STREAM_ASSIGN(const auto text, disk_.read(path, 0, kMaxCursorBytes));
  const auto wrong = [&](std::string_view what) {
    return usage_error("cannot go on from '{}/{}': {}; start over with --fresh once it has been removed",
                       settings_.place, path, what);
  };
  if (!text) return wrong("it is gone");
  auto state = parse_cursor(*text);
  if (!state.ok()) return wrong(state.status().message());
  if (state->generation != generation) return wrong("it is of another generation");
  if (state->pipeline != state_.pipeline || state->member != state_.member) return wrong("it is of another pipeline");
  return state;
}

Status Directory::check_expected(const DirectoryState& found, bool is_there,
                                 const checkpoint::TransactionalSink::Expected& expected) const {
  if (expected.reset) return {};
  constexpr std::string_view kWayOut = "or start over with --fresh, or from an earlier checkpoint with --from-epoch N";
  if (!is_there) {
    return usage_error(
        "'{}' holds nothing of this pipeline, whose checkpoint has written there: it was emptied, or it is "
        "another directory; put it back, {}",
        settings_.place, kWayOut);
  }
  if (found.cursor >= expected.first && (expected.rewind || found.cursor <= expected.last)) return {};
  const bool behind = found.cursor < expected.first;
  return usage_error(
      "'{}' is at epoch {}, chunk {}, {} what the checkpoint has ({}, {}): {} was set back in time; put it right, {}",
      settings_.place, found.cursor.epoch, found.cursor.chunk, behind ? "before" : "beyond",
      behind ? expected.first.epoch : expected.last.epoch, behind ? expected.first.chunk : expected.last.chunk,
      behind ? "the directory" : "the checkpoint", kWayOut);
}

Result<Cursor> Directory::fence(const checkpoint::SinkIdentity& identity,
                                const checkpoint::TransactionalSink::Expected& expected) {
  checkpointed_ = true;
  state_.pipeline = identity.pipeline;
  state_.member = identity.member;
  state_.generation = identity.generation;
  const std::string owner = fmt::format("{}/{}", identity.pipeline, identity.member);
  owner_ = fmt::format("{:016x}", XXH3_64bits(owner.data(), owner.size()));
  std::string name = fmt::format("{}-", identity.pipeline.substr(0, 8));
  append_component(name, identity.member);
  home_ = fmt::format("{}/{}", kHome, name);
  std::vector<std::string> made;
  STREAM_TRY(disk_.make_folders(home_, made));
  for (const std::string& folder : made) STREAM_TRY(disk_.sync_folder(folder));

  STREAM_ASSIGN(const auto before, generations());
  if (before.empty()) {
    STREAM_ASSIGN(const uint64_t highest, highest_number());
    // An empty directory is filled again; among parts without a cursor nobody knows which lines are there.
    const bool from_nothing = (highest == 0 ? expected.first : expected.last) == Cursor{};
    if (!from_nothing) STREAM_TRY(check_expected({}, false, expected));
    state_.next = highest + 1;
    state_.committed = state_.generation;
    if (expected.reset) state_.cursor = expected.last;
    STREAM_TRY(write_cursor());
    STREAM_TRY(check_generation());
    return state_.cursor;
  }
  const uint64_t newest = *before.rbegin();
  if (newest > state_.generation) {
    return checkpoint::fenced_at_start(fmt::format("'{}'", settings_.place), state_.generation, newest);
  }
  STREAM_ASSIGN(const DirectoryState found, read_state(newest));
  STREAM_TRY(take_over(found, expected));
  // Until ours was there to be seen, the one before us may have gone on.
  STREAM_ASSIGN(const DirectoryState last, read_state(newest));
  if (last != found) STREAM_TRY(take_over(last, expected));
  for (const uint64_t old : before) {
    if (old < state_.generation) STREAM_TRY(disk_.remove(cursor_path(old)));
  }
  STREAM_TRY(give_names(true));
  // What is there is not what is gone on from; or a zombie may be about to apply what came after it.
  if (expected.reset || (expected.rewind && last.cursor >= expected.last)) {
    adrift_ = true;
    STREAM_TRY(sweep());
  } else {
    STREAM_TRY(adopt(newest));
  }
  return state_.cursor;
}

Status Directory::take_over(DirectoryState found, const checkpoint::TransactionalSink::Expected& expected) {
  STREAM_TRY(check_expected(found, true, expected));
  found.generation = state_.generation;
  if (expected.reset || found.cursor > expected.last) found.cursor = expected.last;  // beyond it only with rewind
  state_ = std::move(found);
  STREAM_TRY(write_cursor());
  return check_generation();
}

/// Gives the hidden files of parts in progress names of our generation. An earlier start that was killed in here has
/// done some of it; one that was stopped in here may still.
Status Directory::adopt(uint64_t newest) {
  if (state_.open.empty()) return {};
  for (auto& [part, its] : state_.open) {
    const std::string ours = hidden(part, state_.generation);
    for (const uint64_t before : {newest, its.generation, newest}) {
      STREAM_ASSIGN(const auto there, disk_.size(ours));
      if (there) break;
      STREAM_TRY(disk_.rename_new(hidden(part, before), ours).take_status());
    }
    its.generation = state_.generation;
    folders_.insert(folder_of(part));
  }
  STREAM_TRY(sync());
  STREAM_TRY(write_cursor());
  return check_generation();
}

Result<bool> Directory::resume(const std::string& part, uint64_t length) {
  const auto found = state_.open.find(part);
  if (found == state_.open.end()) return false;
  DirectoryState::Part& its = found->second;
  const std::string before = hidden(part, its.generation);
  STREAM_ASSIGN(const auto size, disk_.size(before));
  if (!size || *size < length || its.length < length) {
    return usage_error("'{}' {}: {} bytes of it are in the checkpoint; put it back, or start over with --fresh",
                       place(before), size ? "was cut short" : "is gone", length);
  }
  if (its.generation != state_.generation || *size > length) {
    STREAM_TRY(copy(before, hidden(part, state_.generation), length));
    if (its.generation != state_.generation) state_.garbage.emplace_back(part, its.generation);
  }
  const DirectoryState::Part resumed{length, state_.generation};
  changed_ = changed_ || its != resumed;
  its = resumed;
  resumed_.insert(part);
  return true;
}

Status Directory::resumed() {
  for (auto it = state_.open.begin(); it != state_.open.end();) {
    if (resumed_.contains(it->first)) {
      ++it;
      continue;
    }
    state_.garbage.emplace_back(it->first, it->second.generation);
    changed_ = true;
    it = state_.open.erase(it);
  }
  resumed_.clear();
  adrift_ = false;
  return commit();
}

}  // namespace streamutils::ssink_file
