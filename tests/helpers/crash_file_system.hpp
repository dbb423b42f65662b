// SPDX-License-Identifier: Apache-2.0
// A file system in memory that can be stopped between any two of its calls and then forgets what was not synced.
//
// One CrashDisk is the machine's disk. Each process has a CrashFileSystem of its own on it, which can be killed alone;
// a killed one refuses everything, as do its files, and its locks are free. Contents are durable by File::sync(), names
// by sync_folder(), both only when all folders above are.
//
// Every call that changes something has a name, "<call> <kind of object> before|after": "append state before",
// "link manifest after", "sync_folder root before", "remove_folder spool before", "try_lock lock after". The hook is
// called with it; a status that it returns becomes the call's, which then was not made ("before") or was ("after").
// Thread rule: one thread.
#pragma once
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lib/checkpoint/file_system.hpp"

namespace streamutils::checkpoint {

class CrashFileSystem;

class CrashDisk {
 public:
  using Hook = std::function<Status(const std::string& point)>;

  /// `root` is the store's directory: an absolute path, not made yet.
  explicit CrashDisk(std::string root) : root_(std::move(root)) {}

  /// For all processes that have no hook of their own.
  Hook hook;

  std::unique_ptr<CrashFileSystem> process(Hook own = {});

  /// Ends all processes. With a loss of power all that was not synced is gone; with `luck`, each of it by chance, files
  /// in part.
  void crash(bool power_loss, std::mt19937* luck = nullptr) {
    for (auto& alive : processes_) *alive = false;
    processes_.clear();
    locks_.clear();
    if (power_loss) lose(*top_, luck);
  }

  /// As if the lock's holder were forgotten, which a network file system may do: the next one gets it.
  void lose_locks() { locks_.clear(); }

  /// The `nth` call from now on that writes (from 1), and the `times` - 1 after it, fail with `error`.
  void fail(uint64_t nth, int error, uint64_t times = UINT64_MAX) { fault_ = Fault{nth, times, error}; }
  /// The same for calls that read.
  void fail_reads(uint64_t nth, int error, uint64_t times = UINT64_MAX) { read_fault_ = Fault{nth, times, error}; }
  void heal() {
    fault_.reset();
    read_fault_.reset();
  }
  /// How many calls fail() and fail_reads() could have hit so far.
  [[nodiscard]] uint64_t writes() const { return writes_; }
  [[nodiscard]] uint64_t reads() const { return reads_; }

  /// What a test sees, puts there or takes away, without hooks, durable at once.
  [[nodiscard]] std::optional<std::string> peek(const std::string& path) const {
    const Node* node = find(path);
    return node && !node->folder ? std::optional(node->data) : std::nullopt;
  }
  void drop(const std::string& path) {
    Node* folder = find(parent(path));
    folder->names.erase(leaf(path));
    folder->durable.erase(leaf(path));
  }
  void poke(const std::string& path, std::string bytes) {
    Node* node = find(path);
    if (!node) {
      Node* above = make(parent(path));
      auto made = std::make_shared<Node>(Node{.folder = false, .data = {}, .synced = {}, .names = {}, .durable = {}});
      above->names[leaf(path)] = above->durable[leaf(path)] = made;
      node = made.get();
    }
    node->data = bytes;
    node->synced = std::move(bytes);
  }
  /// All files, sorted, with the bytes they hold.
  [[nodiscard]] std::map<std::string, size_t> files() const {
    std::map<std::string, size_t> all;
    collect(*top_, "", all);
    return all;
  }

 private:
  friend class CrashFileSystem;
  struct Node {
    bool folder = true;
    std::string data;
    std::optional<std::string> synced;
    std::map<std::string, std::shared_ptr<Node>> names, durable;  // of a folder: now, and after a loss of power
  };
  struct Fault {
    uint64_t nth, times;
    int error;
  };

  static std::string parent(const std::string& path) { return path.substr(0, path.find_last_of('/')); }
  static std::string leaf(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

  [[nodiscard]] Node* find(const std::string& path) const {
    Node* node = top_.get();
    for (size_t at = 0; at < path.size();) {
      const size_t end = std::min(path.find('/', at + 1), path.size());
      const std::string name = path.substr(at + 1, end - at - 1);
      at = end;
      if (name.empty()) continue;
      const auto found = node->names.find(name);
      if (found == node->names.end()) return nullptr;
      node = found->second.get();
    }
    return node;
  }
  /// Null when a file stands in the way.
  Node* make(const std::string& path) {
    if (path.empty()) return top_.get();
    if (Node* there = find(path)) return there->folder ? there : nullptr;
    Node* above = make(parent(path));
    if (!above || !above->folder) return nullptr;
    return (above->names[leaf(path)] = std::make_shared<Node>()).get();
  }
  static void lose(Node& node, std::mt19937* luck) {
    const auto lucky = [&] { return luck && (*luck)() % 2 == 0; };
    if (!node.folder) {
      std::string kept = node.synced.value_or("");
      if (luck && node.data.starts_with(kept))
        kept = node.data.substr(0, kept.size() + (*luck)() % (node.data.size() - kept.size() + 1));
      node.data = kept;
      node.synced = std::move(kept);
      return;
    }
    auto kept = node.durable;
    for (const auto& [name, child] : node.names) {
      const auto was = kept.find(name);
      if ((was == kept.end() || was->second != child) && lucky()) kept[name] = child;
    }
    for (const auto& [name, child] : node.durable) {
      if (!node.names.contains(name) && lucky()) kept.erase(name);
    }
    node.names = kept;
    node.durable = std::move(kept);
    for (const auto& [name, child] : node.names) lose(*child, luck);
  }
  static void collect(const Node& node, const std::string& path, std::map<std::string, size_t>& all) {
    if (!node.folder) all[path] = node.data.size();
    for (const auto& [name, child] : node.names) collect(*child, path + '/' + name, all);
  }
  /// "state" for ROOT/state/r1/7/swindow and for ROOT/tmp/r1.12.3.state.
  [[nodiscard]] std::string kind(const std::string& path) const {
    if (!path.starts_with(root_ + '/')) return path == root_ ? "root" : "above";
    std::string name = path.substr(root_.size() + 1);
    if (name.starts_with(".format")) return "format";
    const std::string first = name.substr(0, name.find('/'));
    return first == "tmp" && first != name ? name.substr(name.find_last_of('.') + 1) : first;
  }
  int fault() {
    ++writes_;
    return take(fault_);
  }
  static int take(std::optional<Fault>& fault) {
    if (!fault) return 0;
    if (fault->nth > 1) {
      --fault->nth;
      return 0;
    }
    const int error = fault->error;
    if (--fault->times == 0) fault.reset();
    return error;
  }

  const std::string root_;
  std::shared_ptr<Node> top_ = std::make_shared<Node>();
  std::map<std::string, std::shared_ptr<bool>> locks_;  // by path; whose holder is alive
  std::vector<std::shared_ptr<bool>> processes_;
  std::optional<Fault> fault_, read_fault_;
  uint64_t writes_ = 0, reads_ = 0;
};

/// What one process sees of a CrashDisk. The disk lives longer.
class CrashFileSystem final : public FileSystem {
 public:
  CrashFileSystem(CrashDisk& disk, CrashDisk::Hook own) : disk_(disk), own_(std::move(own)) {
    disk.processes_.push_back(alive_);
  }

  /// kill -9 of this process alone.
  void kill() {
    *alive_ = false;
    std::erase_if(disk_.locks_, [&](const auto& lock) { return lock.second == alive_; });
  }
  [[nodiscard]] bool alive() const { return *alive_; }

  Status make_folders(const std::string& path) override {
    if (CrashDisk::Node* there = disk_.find(path); *alive_ && there && there->folder) return {};
    return act("make_folders", path, true,
               [&] { return disk_.make(path) ? Status() : file_status(ENOTDIR, "make the directory", path); });
  }
  Result<std::string> real_path(const std::string& path) override {
    STREAM_TRY(living());
    std::string plain = path;
    while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
    if (!disk_.find(plain)) return file_status(ENOENT, "open", path);
    return plain;
  }
  Result<std::unique_ptr<File>> create(const std::string& path) override {
    std::unique_ptr<File> file;
    STREAM_TRY(act("create", path, true, [&] {
      CrashDisk::Node* folder = disk_.find(CrashDisk::parent(path));
      if (!folder || !folder->folder) return file_status(ENOENT, "create", path);
      if (folder->names.contains(CrashDisk::leaf(path))) return file_status(EEXIST, "create", path);
      auto node = std::make_shared<CrashDisk::Node>();
      node->folder = false;
      folder->names[CrashDisk::leaf(path)] = node;
      file = std::make_unique<OpenFile>(*this, node, path);
      return Status();
    }));
    return file;
  }
  Result<bool> link(const std::string& from, const std::string& to) override {
    bool linked = false;
    STREAM_TRY(act("link", to, true, [&] {
      CrashDisk::Node* folder = disk_.find(CrashDisk::parent(to));
      CrashDisk::Node* source = disk_.find(CrashDisk::parent(from));
      if (!folder || !source || !source->names.contains(CrashDisk::leaf(from))) return file_status(ENOENT, "link", to);
      linked = folder->names.try_emplace(CrashDisk::leaf(to), source->names[CrashDisk::leaf(from)]).second;
      return Status();
    }));
    return linked;
  }
  Status remove(const std::string& path) override {
    return act("remove", path, false, [&] {
      if (CrashDisk::Node* folder = disk_.find(CrashDisk::parent(path))) folder->names.erase(CrashDisk::leaf(path));
      return Status();
    });
  }
  Status sync_folder(const std::string& path) override {
    return act("sync_folder", path, true, [&] {
      CrashDisk::Node* folder = disk_.find(path);
      if (!folder) return file_status(ENOENT, "sync", path);
      folder->durable = folder->names;
      return Status();
    });
  }
  Result<std::optional<std::string>> read(const std::string& path, uint64_t offset, uint64_t most) override {
    STREAM_TRY(readable("read", path));
    const CrashDisk::Node* node = disk_.find(path);
    if (!node || node->folder) return std::optional<std::string>();
    return std::optional(offset < node->data.size() ? node->data.substr(offset, most) : std::string());
  }
  Result<bool> exists(const std::string& path) override {
    STREAM_TRY(readable("open", path));
    return disk_.find(path) != nullptr;
  }
  Result<std::vector<Entry>> list(const std::string& path) override {
    STREAM_TRY(readable("open", path));
    std::vector<Entry> entries;
    const CrashDisk::Node* node = disk_.find(path);
    if (!node) return entries;
    for (const auto& [name, child] : node->names) entries.push_back({name, child->folder});
    return entries;
  }
  Status remove_folder(const std::string& path) override {
    return act("remove_folder", path, false, [&] {
      const CrashDisk::Node* node = disk_.find(path);
      if (node && node->names.empty()) disk_.find(CrashDisk::parent(path))->names.erase(CrashDisk::leaf(path));
      return Status();
    });
  }
  Result<std::unique_ptr<Lock>> try_lock(const std::string& path, std::string_view holder,
                                         std::string* other) override {
    std::unique_ptr<Lock> lock;
    STREAM_TRY(act("try_lock", path, false, [&] {
      CrashDisk::Node* folder = disk_.find(CrashDisk::parent(path));
      if (!folder) return file_status(ENOENT, "open", path);
      auto& node = folder->names[CrashDisk::leaf(path)];
      if (!node) {
        node = std::make_shared<CrashDisk::Node>();
        node->folder = false;
      }
      if (!disk_.locks_.try_emplace(path, alive_).second) {
        *other = node->data;
        return Status();
      }
      if (!holder.empty()) node->data = holder;
      lock = std::make_unique<HeldLock>(disk_, alive_, path);
      return Status();
    }));
    return lock;
  }
  Result<LockView> look_at_lock(const std::string& path) override {
    return LockView{.held = disk_.locks_.contains(path), .holder = {}};
  }

 private:
  class OpenFile final : public File {
   public:
    OpenFile(CrashFileSystem& files, std::shared_ptr<CrashDisk::Node> node, std::string path)
        : files_(files), node_(std::move(node)), path_(std::move(path)) {}
    Status append(std::string_view bytes) override {
      return files_.act("append", path_, false, [&] {
        // A disk that is full takes what still fits.
        const int error = files_.disk_.fault();
        node_->data += bytes.substr(0, error ? bytes.size() / 2 : bytes.size());
        return error ? file_status(error, "write", path_) : Status();
      });
    }
    Status sync() override {
      return files_.act("sync", path_, true, [&] {
        node_->synced = node_->data;
        return Status();
      });
    }

   private:
    CrashFileSystem& files_;
    std::shared_ptr<CrashDisk::Node> node_;
    std::string path_;
  };

  class HeldLock final : public Lock {
   public:
    HeldLock(CrashDisk& disk, std::shared_ptr<bool> owner, std::string path)
        : disk_(disk), owner_(std::move(owner)), path_(std::move(path)) {}
    ~HeldLock() override {
      const auto held = disk_.locks_.find(path_);
      if (held != disk_.locks_.end() && held->second == owner_) disk_.locks_.erase(held);
    }

   private:
    CrashDisk& disk_;
    std::shared_ptr<bool> owner_;
    std::string path_;
  };

  [[nodiscard]] Status living() const { return *alive_ ? Status() : failed("this process was killed"); }
  Status readable(const char* call, const std::string& path) {
    STREAM_TRY(living());
    ++disk_.reads_;
    const int error = CrashDisk::take(disk_.read_fault_);
    return error ? file_status(error, call, path) : Status();
  }
  Status reach(const std::string& point) {
    const CrashDisk::Hook& hook = own_ ? own_ : disk_.hook;
    if (hook) STREAM_TRY(hook(point));
    return living();
  }
  template <class Body>
  Status act(const std::string& call, const std::string& path, bool may_fail, Body&& body) {
    STREAM_TRY(living());
    const std::string point = call + ' ' + disk_.kind(path);
    STREAM_TRY(reach(point + " before"));
    if (const int error = may_fail ? disk_.fault() : 0) return file_status(error, call, path);
    STREAM_TRY(body());
    return reach(point + " after");
  }

  CrashDisk& disk_;
  CrashDisk::Hook own_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

inline std::unique_ptr<CrashFileSystem> CrashDisk::process(Hook own) {
  return std::make_unique<CrashFileSystem>(*this, std::move(own));
}

}  // namespace streamutils::checkpoint
