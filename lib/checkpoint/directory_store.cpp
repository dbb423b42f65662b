// SPDX-License-Identifier: Apache-2.0
// Layout: format, lock, tmp/<run>.<pid>.<n>.<kind>, and the objects under their names. checkpoint(5) draws it.
//
// Why an object is synced the way it is: its contents before its name exists, so that no name ever shows less; the
// folders after, from the object's own up to the root, because only then nobody can remove one of them as empty any
// more.
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "lib/checkpoint/object_store.hpp"
#include "lib/json/text.hpp"

namespace streamutils::checkpoint {

namespace {

constexpr std::string_view kFormatHead = "streamutils checkpoints, version ";
constexpr int kFormatVersion = 1;
/// Unfinished format files lie in the root, so that a folder that is not ours is never taken for one that is.
constexpr std::string_view kFormatTemporary = ".format.";
constexpr std::string_view kTemporary = "tmp";
constexpr uint64_t kWhole = UINT64_MAX;

bool valid_part(std::string_view part) {
  constexpr size_t kMaxName = 255;
  return !part.empty() && part.size() <= kMaxName && part.front() != '.' &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
                  c == '-';
         });
}

std::vector<std::string_view> split_name(std::string_view name) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t slash = name.find('/');
    parts.push_back(name.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    name.remove_prefix(slash + 1);
  }
}

Status check_name(std::string_view name) {
  const auto parts = split_name(name);
  if (parts.size() >= 2 && parts[0] != kTemporary && std::all_of(parts.begin(), parts.end(), valid_part)) return {};
  return usage_error("'{}' is no name of a checkpoint's object", name);
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// The run that an object belongs to; manifests belong to none.
std::string_view run_of(const std::vector<std::string_view>& parts) {
  return parts[0] == "manifest" ? "any" : parts[1];
}

/// The run in the name of a temporary file, "<run>.<pid>.<n>.<kind>"; a run may have dots.
std::string_view run_of_temporary(std::string_view name) {
  for (int i = 0; i < 3; ++i) name = name.substr(0, name.find_last_of('.') == name.npos ? 0 : name.find_last_of('.'));
  return name;
}

class DirectoryStore final : public ObjectStore {
 public:
  DirectoryStore(std::string place, FileSystem& files, bool settle_reads)
      : place_(std::move(place)), files_(files), settle_reads_(settle_reads) {}

  [[nodiscard]] const std::string& place() const override { return place_; }
  Result<bool> put_if_absent(std::string_view name, std::string_view bytes) override {
    STREAM_ASSIGN(const auto writer, create(name));
    STREAM_TRY(writer->append(bytes));
    return writer->commit();
  }
  Result<std::unique_ptr<ObjectWriter>> create(std::string_view name) override;
  Result<std::optional<std::string>> get(std::string_view name) override {
    STREAM_ASSIGN(auto bytes, read(name, 0, kWhole));
    if (bytes) STREAM_TRY(settle(name));
    return bytes;
  }
  Result<std::optional<std::string>> read(std::string_view name, uint64_t offset, uint64_t most) override {
    STREAM_TRY(here(check_name(name)));
    auto bytes = files_.read(path(name), offset, most);
    if (!bytes.ok()) return here(bytes.take_status());
    return bytes;
  }
  Result<bool> exists(std::string_view name) override {
    STREAM_ASSIGN(const auto bytes, read(name, 0, 0));
    if (bytes) STREAM_TRY(settle(name));
    return bytes.has_value();
  }
  Result<std::vector<std::string>> list(std::string_view prefix) override;
  Status remove(std::string_view name) override;
  Result<std::unique_ptr<Lock>> try_lock(std::string_view holder, std::string* other) override;
  Result<FileSystem::LockView> look_at_lock() override {
    auto view = files_.look_at_lock(path("lock"));
    if (!view.ok()) return here(view.take_status());
    return view;
  }
  Status clean(std::string_view own_run) override;

  // For the writer.
  FileSystem& files() { return files_; }
  /// A usage error when the whole directory is gone: a restart would make it anew, and start over in silence.
  Status here(Status status) const {
    if (status.ok()) return status;
    if (Status removed = still_there(); removed.code() == Code::usage) return removed;
    return std::move(status).at(fmt::format("checkpoint '{}'", place_));
  }
  [[nodiscard]] std::string path(std::string_view name) const { return fmt::format("{}/{}", place_, name); }
  Status sync_names(std::string_view name);
  Result<bool> link(const std::string& from, std::string_view name);

 private:
  Status still_there() const;
  Status settle(std::string_view name);
  Status walk(const std::string& folder, std::vector<std::string>& names);

  const std::string place_;
  FileSystem& files_;
  const bool settle_reads_;
  uint64_t temporaries_ = 0;
  std::vector<std::string> known_kinds_;  // folders in the root whose names are durable; they are never removed
};

class DirectoryWriter final : public ObjectWriter {
 public:
  DirectoryWriter(DirectoryStore& store, std::string_view name, std::string temporary,
                  std::unique_ptr<FileSystem::File> file)
      : store_(store), name_(name), temporary_(std::move(temporary)), file_(std::move(file)) {}
  ~DirectoryWriter() override { drop(); }

  Status append(std::string_view bytes) override {
    if (!file_) return over();
    if (Status status = file_->append(bytes); !status.ok()) return fail(std::move(status));
    return {};
  }

  Result<bool> commit() override {
    if (!file_) return over();
    if (Status status = file_->sync(); !status.ok()) return fail(std::move(status));
    auto linked = store_.link(temporary_, name_);
    if (!linked.ok()) return fail(linked.take_status());
    // From here on the object is there, whole. Should its name turn out not to be durable, it stays all the same:
    // others may have seen it, and they make it durable themselves before they act on it.
    const bool is_new = *linked;
    if (is_new) {
      if (Status status = store_.sync_names(name_); !status.ok()) return fail(std::move(status));
    }
    drop();
    return is_new;
  }

 private:
  Status over() const { return store_.here(failed("'{}' was already given up", name_)); }
  Status fail(Status status) {
    drop();
    return store_.here(std::move(status));
  }
  /// What is left behind by a failure here, clean() removes.
  void drop() {
    if (!file_) return;
    file_.reset();
    (void)store_.files().remove(temporary_);
  }

  DirectoryStore& store_;
  const std::string name_;
  const std::string temporary_;
  std::unique_ptr<FileSystem::File> file_;
};

Status DirectoryStore::still_there() const {
  STREAM_ASSIGN(const bool there, files_.exists(place_ + "/format"));
  if (there) return {};
  return usage_error(
      "checkpoint '{}' was removed while it was in use: put it back from a copy, since a start without it is a first "
      "one, whose effects all come again",
      place_);
}

Result<std::unique_ptr<ObjectWriter>> DirectoryStore::create(std::string_view name) {
  STREAM_TRY(here(check_name(name)));
  const auto parts = split_name(name);
  STREAM_TRY(here(still_there()));
  STREAM_TRY(here(files_.make_folders(path(kTemporary))));
  for (;;) {
    std::string temporary =
        path(fmt::format("{}/{}.{}.{}.{}", kTemporary, run_of(parts), ::getpid(), ++temporaries_, parts[0]));
    auto file = files_.create(temporary);
    if (file.ok()) {
      return std::unique_ptr<ObjectWriter>(
          std::make_unique<DirectoryWriter>(*this, name, std::move(temporary), *std::move(file)));
    }
    // One of a process of the same number that is gone, or that lives in another container.
    auto taken = files_.exists(temporary);
    if (!taken.ok() || !*taken) return here(file.take_status());
  }
}

Result<bool> DirectoryStore::link(const std::string& from, std::string_view name) {
  const std::string to = path(name);
  STREAM_TRY(files_.make_folders(parent_of(to)));
  auto linked = files_.link(from, to);
  if (linked.ok()) return linked;
  // The garbage collector may have removed the folder as empty just now.
  auto there = files_.exists(parent_of(to));
  if (!there.ok() || *there) return linked.take_status();
  STREAM_TRY(files_.make_folders(parent_of(to)));
  return files_.link(from, to);
}

Status DirectoryStore::sync_names(std::string_view name) {
  const std::string kind(name.substr(0, name.find('/')));
  for (size_t slash = name.find_last_of('/'); slash != std::string_view::npos;
       slash = slash == 0 ? std::string_view::npos : name.find_last_of('/', slash - 1)) {
    STREAM_TRY(files_.sync_folder(path(name.substr(0, slash))));
  }
  if (std::find(known_kinds_.begin(), known_kinds_.end(), kind) != known_kinds_.end()) return {};
  STREAM_TRY(files_.sync_folder(place_));
  known_kinds_.push_back(kind);
  return {};
}

/// Makes durable what another process has just made and may not have synced yet.
Status DirectoryStore::settle(std::string_view name) {
  if (!settle_reads_) return {};
  Status status = sync_names(name);
  if (status.ok()) return {};
  auto there = files_.exists(path(name));
  if (there.ok() && !*there) return {};  // removed meanwhile, with its folder
  return here(std::move(status));
}

Status DirectoryStore::walk(const std::string& folder, std::vector<std::string>& names) {
  auto entries = files_.list(path(folder));
  if (!entries.ok()) return entries.take_status();
  for (const FileSystem::Entry& entry : *entries) {
    if (!valid_part(entry.name)) continue;
    std::string name = folder.empty() ? entry.name : folder + '/' + entry.name;
    if (!entry.folder && !folder.empty())
      names.push_back(std::move(name));
    else if (entry.folder && name != kTemporary)
      STREAM_TRY(walk(name, names));
  }
  return {};
}

Result<std::vector<std::string>> DirectoryStore::list(std::string_view prefix) {
  std::vector<std::string> names;
  std::string folder(prefix);
  if (!folder.empty()) {
    if (!folder.ends_with('/')) return here(usage_error("'{}' is no prefix of names", prefix));
    folder.pop_back();
    for (const std::string_view part : split_name(folder)) {
      if (!valid_part(part)) return here(usage_error("'{}' is no prefix of names", prefix));
    }
  }
  STREAM_TRY(here(walk(folder, names)));
  std::sort(names.begin(), names.end());
  return names;
}

Status DirectoryStore::remove(std::string_view name) {
  STREAM_TRY(here(check_name(name)));
  STREAM_TRY(here(files_.remove(path(name))));
  // Folders that became empty go too, but never that of a kind.
  for (size_t slash = name.find_last_of('/'); slash != name.find('/'); slash = name.find_last_of('/', slash - 1)) {
    STREAM_TRY(here(files_.remove_folder(path(name.substr(0, slash)))));
  }
  return {};
}

class DirectoryLock final : public ObjectStore::Lock {
 public:
  explicit DirectoryLock(std::unique_ptr<FileSystem::Lock> lock) : lock_(std::move(lock)) {}

 private:
  std::unique_ptr<FileSystem::Lock> lock_;
};

Result<std::unique_ptr<ObjectStore::Lock>> DirectoryStore::try_lock(std::string_view holder, std::string* other) {
  auto lock = files_.try_lock(path("lock"), holder, other);
  if (!lock.ok()) return here(lock.take_status());
  if (!*lock) return std::unique_ptr<Lock>();
  return std::unique_ptr<Lock>(std::make_unique<DirectoryLock>(*std::move(lock)));
}

Status DirectoryStore::clean(std::string_view own_run) {
  for (const auto& [folder, is_left] : {std::pair<std::string, bool>{path(kTemporary), true}, {place_, false}}) {
    auto entries = files_.list(folder);
    if (!entries.ok()) return here(entries.take_status());
    for (const FileSystem::Entry& entry : *entries) {
      const bool left = is_left ? run_of_temporary(entry.name) != own_run : entry.name.starts_with(kFormatTemporary);
      if (left && !entry.folder) STREAM_TRY(here(files_.remove(folder + '/' + entry.name)));
    }
  }
  return {};
}

/// A place is named in `open` and in manifests, which are JSON.
Status check_place(const std::string& place) {
  if (is_valid_utf8(place)) return {};
  return usage_error("'{}' is no UTF-8: name the checkpoint directory differently", place);
}

/// What the file `format` says. Empty: there is none.
Result<std::optional<int>> format_version(const std::string& place, FileSystem& files) {
  constexpr uint64_t kMaxFormat = 4096;
  STREAM_ASSIGN(const auto text, files.read(place + "/format", 0, kMaxFormat));
  if (!text) return std::optional<int>();
  int version = 0;
  std::string_view rest = *text;
  if (rest.starts_with(kFormatHead)) {
    rest.remove_prefix(kFormatHead.size());
    std::from_chars(rest.data(), rest.data() + rest.size(), version);
  }
  return std::optional(version);
}

Status check_version(const std::string& place, int version) {
  if (version == kFormatVersion) return {};
  if (version <= 0)
    return usage_error(
        "'{}' is no checkpoint, or its file 'format' was changed: that holds the one line '{}{}'; if there is a folder "
        "'manifest' "
        "beside it, write it so again, otherwise give --checkpoint another directory",
        place, kFormatHead, kFormatVersion);
  return usage_error("checkpoint '{}' is of format {}, this program knows {}: use the version that wrote it", place,
                     version, kFormatVersion);
}

Status check_fresh(const std::string& place, FileSystem& files) {
  STREAM_ASSIGN(const auto entries, files.list(place));
  const bool fresh = std::all_of(entries.begin(), entries.end(), [](const FileSystem::Entry& entry) {
    return entry.name.starts_with(kFormatTemporary) || entry.name == "lost+found";
  });
  if (fresh) return {};
  STREAM_ASSIGN(const bool made_meanwhile, files.exists(place + "/format"));
  if (made_meanwhile) return {};
  STREAM_ASSIGN(const bool ours, files.exists(place + "/manifest"));
  if (ours) {
    return usage_error("checkpoint '{}': its file 'format' is missing: put it back from a copy; it is the line '{}{}'",
                       place, kFormatHead, kFormatVersion);
  }
  return usage_error("'{}' holds other files: give a new or an empty directory for checkpoints", place);
}

/// REQUIRES: check_fresh(). Somebody else may be doing the same.
Status make_format(const std::string& place, FileSystem& files) {
  // The names above, as far as we may: whoever made them may not have come to it.
  for (std::string above = parent_of(place);; above = parent_of(above)) {
    if (Status status = files.sync_folder(above); !status.ok() && status.code() != Code::usage) return status;
    if (above == "/") break;
  }
  std::unique_ptr<FileSystem::File> file;
  std::string temporary;
  for (uint64_t n = 1; !file; ++n) {
    temporary = fmt::format("{}/{}{}.{}", place, kFormatTemporary, ::getpid(), n);
    auto created = files.create(temporary);
    if (created.ok()) {
      file = *std::move(created);
      break;
    }
    STREAM_ASSIGN(const bool taken, files.exists(temporary));
    if (!taken) return created.take_status();
  }
  Status status = file->append(fmt::format("{}{}\n", kFormatHead, kFormatVersion));
  if (status.ok()) status = file->sync();
  file.reset();
  if (status.ok()) {
    status = files.link(temporary, place + "/format").take_status();
    // Another start that made the format may have cleaned up behind us.
    if (auto there = files.exists(place + "/format"); there.ok() && *there) status = {};
  }
  if (status.ok()) status = files.sync_folder(place);
  Status removed = files.remove(temporary);
  return status.ok() ? std::move(removed) : std::move(status);
}

/// Waiting helps against a full disk, not here.
Status with_way_out(Status status) {
  if (status.code() != Code::usage) return status;
  return usage_error("{}; give --checkpoint a directory that this user can make and write to", status.message());
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_directory_store(std::string path, FileSystem& files) {
  if (path.empty()) return usage_error("the checkpoint directory has no name");
  STREAM_TRY(with_way_out(files.make_folders(path)));
  STREAM_ASSIGN(std::string place, files.real_path(path));
  STREAM_TRY(check_place(place));
  STREAM_ASSIGN(auto version, format_version(place, files));
  if (!version) {
    STREAM_TRY(check_fresh(place, files));
    STREAM_TRY(with_way_out(make_format(place, files)).at(fmt::format("checkpoint '{}'", place)));
    STREAM_ASSIGN(version, format_version(place, files));
  }
  STREAM_TRY(check_version(place, version.value_or(0)));
  return std::unique_ptr<ObjectStore>(std::make_unique<DirectoryStore>(std::move(place), files, true));
}

Result<std::unique_ptr<ObjectStore>> open_existing_store(std::string path, FileSystem& files) {
  auto place = files.real_path(path);
  if (!place.ok()) return Status(Code::usage, std::string(place.status().message()));
  STREAM_TRY(check_place(*place));
  STREAM_ASSIGN(const auto version, format_version(*place, files));
  if (!version) return usage_error("'{}' holds no checkpoints", path);
  STREAM_TRY(check_version(*place, *version));
  return std::unique_ptr<ObjectStore>(std::make_unique<DirectoryStore>(*std::move(place), files, false));
}

}  // namespace streamutils::checkpoint
