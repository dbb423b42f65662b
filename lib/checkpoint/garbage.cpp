// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/garbage.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "lib/checkpoint/start.hpp"

namespace streamutils::checkpoint {

std::optional<uint64_t> object_epoch(std::string_view name) {
  const size_t run = name.find('/');
  const size_t epoch = run == std::string_view::npos ? run : name.find('/', run + 1);
  const size_t end = epoch == std::string_view::npos ? epoch : name.find('/', epoch + 1);
  if (end == std::string_view::npos) return std::nullopt;
  uint64_t number = 0;
  const auto [at, error] = std::from_chars(name.data() + epoch + 1, name.data() + end, number);
  if (error != std::errc() || at != name.data() + end) return std::nullopt;
  return number;
}

GarbageCollector::Known GarbageCollector::known(const Manifest& manifest) {
  Known known{.is_start = manifest.kind == Manifest::Kind::start, .run = manifest.run, .objects = {}};
  for (const Ack& member : manifest.members) {
    for (const ObjectRef& object : member.objects) known.objects.push_back(object.name);
  }
  return known;
}

Status GarbageCollector::collect(const Manifest& manifest) {
  STREAM_ASSIGN(std::vector<std::string> names, store_.list("manifest/"));
  std::reverse(names.begin(), names.end());
  std::map<uint64_t, Known> before = std::exchange(known_, {});
  before.insert_or_assign(manifest.number, known(manifest));
  std::set<std::string, std::less<>> used;
  bool unknown = false;  // what a damaged manifest names nobody knows
  size_t cuts = 0;       // kept manifests that are a cut of their own, not the copy that a start makes
  for (const std::string& name : names) {
    const auto number = manifest_number(name);
    if (!number || *number > manifest.number) continue;
    auto entry = before.find(*number);
    Status status;
    if (entry == before.end()) {
      auto read = read_manifest(store_, *number);
      if (read.ok()) entry = before.emplace(*number, known(*read)).first;
      status = read.take_status();
    }
    const bool readable = entry != before.end();
    const bool is_start = readable && entry->second.is_start;
    const bool kept = *number == manifest.number || (!is_start && cuts < keep_);
    if (kept && readable) {
      cuts += !is_start;
      used.insert(entry->second.objects.begin(), entry->second.objects.end());
      known_.insert(before.extract(entry));
      continue;
    }
    if (kept && status.code() != Code::usage) return status;  // a disk that fails, not a damage
    unknown |= kept;
    if (kept) continue;  // damaged: whoever asks for it is to be told so
    STREAM_TRY(store_.remove(name));
    if (readable && entry->second.run != manifest.run) {
      STREAM_TRY(store_.remove(fmt::format("restore/{}", entry->second.run)));
    }
  }
  if (unknown) return {};
  for (const std::string_view kind : {"state/", "spool/", "ack/"}) {
    STREAM_ASSIGN(const std::vector<std::string> objects, store_.list(kind));
    for (const std::string& name : objects) {
      const auto epoch = object_epoch(name);
      if (epoch && *epoch < manifest.number && !used.contains(name)) STREAM_TRY(store_.remove(name));
    }
  }
  return {};
}

}  // namespace streamutils::checkpoint
