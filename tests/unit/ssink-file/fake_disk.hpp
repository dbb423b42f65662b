// SPDX-License-Identifier: Apache-2.0
// A disk in memory that can stop at any call, and can forget what was not synced. Several processes may have it open.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tools/ssink-file/disk.hpp"

namespace streamutils::ssink_file {

/// What outlives a process.
struct World {
  struct File {
    std::string bytes, synced;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;
  Names names, durable_names;
  std::set<std::string> folders{""}, durable_folders{""};

  static std::string folder_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
  }

  enum class Loss { nothing, contents, everything };
  /// A loss of power: of `contents`, the names survive by luck.
  void crash(Loss loss) {
    if (loss == Loss::nothing) return;
    if (loss == Loss::everything) {
      names = durable_names;
      folders = durable_folders;
    }
    for (auto& [name, file] : names) file->bytes = file->synced;
    durable_names = names;
    durable_folders = folders;
  }

  static bool is_hidden(const std::string& path) {
    return path.starts_with('.') || path.find("/.") != std::string::npos;
  }
  /// The lines of all finished parts below a folder, part by part in the order of their names.
  [[nodiscard]] std::map<std::string, std::string> finished() const {
    std::map<std::string, std::string> found;
    for (const auto& [name, file] : names) {
      if (!is_hidden(name)) found[folder_of(name)] += file->bytes;
    }
    return found;
  }
  [[nodiscard]] size_t hidden_parts() const {
    size_t count = 0;
    for (const auto& [name, file] : names) count += name.ends_with(".open") ? 1 : 0;
    return count;
  }
};

class FakeDisk final : public Disk {
 public:
  explicit FakeDisk(World& world) : world_(world) {}

  /// Called before every call that changes something, with its number from 1; a failed status is what the call returns.
  std::function<Status(uint64_t)> before;
  [[nodiscard]] uint64_t calls() const { return calls_; }

  Status make_folders(const std::string& path, std::vector<std::string>& changed) override {
    for (size_t end = 0; end < path.size();) {
      const size_t start = end == 0 ? 0 : end + 1;
      end = std::min(path.find('/', start), path.size());
      const std::string folder = path.substr(0, end);
      if (world_.folders.contains(folder)) continue;
      STREAM_TRY(step());
      world_.folders.insert(folder);
      changed.push_back(World::folder_of(folder));
    }
    return {};
  }
  Result<std::optional<uint64_t>> size(const std::string& path) override {
    const auto found = world_.names.find(path);
    if (found == world_.names.end()) return std::optional<uint64_t>();
    return std::optional<uint64_t>(found->second->bytes.size());
  }
  Result<bool> write_at(const std::string& path, uint64_t offset, std::string_view bytes, Create create) override {
    auto open = open_.find(path);
    if (open == open_.end()) {
      STREAM_TRY(step());
      auto found = world_.names.find(path);
      if (found == world_.names.end()) {
        if (create == Create::no) return false;
        if (!world_.folders.contains(World::folder_of(path))) return failed("no folder for '{}'", path);
        found = world_.names.emplace(path, std::make_shared<World::File>()).first;
      }
      open = open_.emplace(path, found->second).first;
    }
    // In two halves, so that a crash can tear it.
    for (const auto part : {bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2)}) {
      STREAM_TRY(step());
      std::string& to = open->second->bytes;
      if (to.size() < offset + part.size()) to.resize(offset + part.size());
      to.replace(offset, part.size(), part);
      offset += part.size();
    }
    return true;
  }
  Result<std::optional<std::string>> read(const std::string& path, uint64_t offset, size_t most) override {
    const auto found = world_.names.find(path);
    if (found == world_.names.end()) return std::optional<std::string>();
    const std::string& bytes = found->second->bytes;
    return std::optional(offset < bytes.size() ? bytes.substr(offset, most) : std::string());
  }
  Status sync(const std::string& path) override {
    STREAM_TRY(step());
    const auto open = open_.find(path);
    const auto file = open != open_.end() ? open->second : world_.names.at(path);
    file->synced = file->bytes;
    open_.erase(path);
    return {};
  }
  Status sync_folder(const std::string& path) override {
    STREAM_TRY(step());
    const auto inside = [&](const std::string& name) { return World::folder_of(name) == path; };
    std::erase_if(world_.durable_names, [&](const auto& entry) { return inside(entry.first); });
    for (const auto& [name, file] : world_.names) {
      if (inside(name)) world_.durable_names[name] = file;
    }
    for (const std::string& folder : world_.folders) {
      if (inside(folder)) world_.durable_folders.insert(folder);
    }
    return {};
  }
  Result<Renamed> rename_new(const std::string& from, const std::string& to) override {
    STREAM_TRY(step());
    open_.erase(from);
    if (!world_.names.contains(from)) return Renamed::source_missing;
    if (world_.names.contains(to)) return Renamed::target_exists;
    world_.names[to] = world_.names[from];
    world_.names.erase(from);
    return Renamed::done;
  }
  Status replace(const std::string& from, const std::string& to) override {
    STREAM_TRY(step());
    open_.erase(from);
    open_.erase(to);
    if (!world_.names.contains(from)) return failed("no '{}'", from);
    world_.names[to] = world_.names[from];
    world_.names.erase(from);
    return {};
  }
  Status remove(const std::string& path) override {
    STREAM_TRY(step());
    open_.erase(path);
    world_.names.erase(path);
    return {};
  }
  Result<std::vector<Entry>> list(const std::string& path) override {
    std::vector<Entry> entries;
    const auto add = [&](const std::string& name, bool folder) {
      if (!name.empty() && World::folder_of(name) == path) {
        entries.push_back({name.substr(path.empty() ? 0 : path.size() + 1), folder});
      }
    };
    for (const auto& [name, file] : world_.names) add(name, false);
    for (const std::string& folder : world_.folders) add(folder, true);
    return entries;
  }

 private:
  Status step() {
    ++calls_;
    return before ? before(calls_) : Status();
  }
  World& world_;
  std::map<std::string, std::shared_ptr<World::File>> open_;
  uint64_t calls_ = 0;
};

}  // namespace streamutils::ssink_file
