// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "lib/checkpoint/snapshot.hpp"
#include "lib/checkpoint/spool.hpp"
#include "tools/sstate/catalog.hpp"
#include "tools/sstate/commands.hpp"

namespace streamutils::sstate {

using checkpoint::ObjectStore;

namespace {

Status check_spool(ObjectStore& store, const ObjectRef& ref) {
  STREAM_ASSIGN(const auto reader, checkpoint::SpoolReader::open(store, ref));
  for (;;) {
    STREAM_ASSIGN(const auto chunk, reader->next());
    if (!chunk) return {};
  }
}

/// Usage errors are about the object; others are failures to read.
Status check_object(ObjectStore& store, const ObjectRef& ref) {
  if (ref.name.starts_with("spool/")) return check_spool(store, ref);
  if (ref.name.starts_with("state/")) return checkpoint::get_snapshot(store, ref).take_status();
  return usage_error("{} is of no kind that this program knows", ref.name);
}

class Verifier {
 public:
  Verifier(ObjectStore& store, Printer& out) : store_(store), out_(out) {}

  Status check(const Entry& entry) {
    if (!entry.manifest) {
      ++damaged_;
      return out_.line("epoch {}: damaged: {}", entry.number, entry.damage);
    }
    size_t objects = 0;
    std::vector<std::string> damages;
    for (const Ack& member : entry.manifest->members) {
      for (const ObjectRef& ref : member.objects) {
        ++objects;
        STREAM_ASSIGN(const std::string damage, damage_of(ref));
        if (!damage.empty()) damages.push_back(fmt::format("{}: {}", member.stage, damage));
      }
    }
    if (damages.empty()) {
      return out_.line("epoch {}: ok, {} objects, {} bytes", entry.number, objects, object_bytes(*entry.manifest));
    }
    STREAM_ASSIGN(const bool kept, store_.exists(checkpoint::manifest_name(entry.number)));
    if (!kept) return out_.line("epoch {}: removed meanwhile", entry.number);
    damaged_ += damages.size();
    for (const std::string& damage : damages) STREAM_TRY(out_.line("epoch {}: damaged: {}", entry.number, damage));
    return {};
  }
  [[nodiscard]] size_t damaged() const { return damaged_; }

 private:
  /// What is wrong with it, empty when nothing is. Most objects are named by one manifest, those of an idle sink by
  /// many.
  Result<std::string> damage_of(const ObjectRef& ref) {
    const auto key = std::pair(ref.name, ref.sha256);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    const Status status = check_object(store_, ref);
    if (!status.ok() && status.code() != Code::usage) return status.clone();
    return known_[key] = without_way_out(status.message(), store_);
  }

  ObjectStore& store_;
  Printer& out_;
  std::map<std::pair<std::string, std::string>, std::string> known_;
  size_t damaged_ = 0;
};

}  // namespace

Status verify(ObjectStore& store, Printer& out) {
  STREAM_ASSIGN(const std::vector<Entry> entries, read_manifests(store));
  Verifier verifier(store, out);
  for (const Entry& entry : entries) STREAM_TRY(verifier.check(entry));
  STREAM_ASSIGN(const std::vector<std::string> unused, unused_objects(store, entries));
  for (const std::string& name : unused) STREAM_TRY(out.line("no epoch needs {}", name));
  if (entries.empty()) STREAM_TRY(out.line("there are no epochs"));
  if (verifier.damaged() == 0) return {};
  return failed("checkpoint '{}': {} damaged; 'srun --from-epoch N' goes on from an epoch that is ok", store.place(),
                verifier.damaged() == 1 ? "one object is" : fmt::format("{} objects are", verifier.damaged()));
}

}  // namespace streamutils::sstate
