// SPDX-License-Identifier: Apache-2.0
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

Status collect_garbage(ObjectStore& store, const Manifest& manifest, size_t keep) {
  STREAM_ASSIGN(std::vector<std::string> names, store.list("manifest/"));
  std::reverse(names.begin(), names.end());
  std::set<std::string, std::less<>> used;
  const auto use = [&](const Manifest& kept) {
    for (const Ack& member : kept.members) {
      for (const ObjectRef& object : member.objects) used.insert(object.name);
    }
  };
  bool unknown = false;  // what a damaged manifest names nobody knows
  size_t cuts = 0;       // kept manifests that are a cut of their own, not the copy that a start makes
  for (const std::string& name : names) {
    const auto number = manifest_number(name);
    if (!number || *number > manifest.number) continue;
    auto read = read_manifest(store, *number);
    const bool is_start = read.ok() && read->kind == Manifest::Kind::start;
    const bool kept = *number == manifest.number || (!is_start && cuts < keep);
    if (kept && read.ok()) {
      cuts += !is_start;
      use(*read);
      continue;
    }
    if (kept && read.status().code() != Code::usage) return read.take_status();  // a disk that fails, not a damage
    unknown |= kept;
    if (kept) continue;  // damaged: whoever asks for it is to be told so
    STREAM_TRY(store.remove(name));
    if (read.ok() && read->run != manifest.run) STREAM_TRY(store.remove(fmt::format("restore/{}", read->run)));
  }
  if (unknown) return {};
  for (const std::string_view kind : {"state/", "spool/", "ack/"}) {
    STREAM_ASSIGN(const std::vector<std::string> objects, store.list(kind));
    for (const std::string& name : objects) {
      const auto epoch = object_epoch(name);
      if (epoch && *epoch < manifest.number && !used.contains(name)) STREAM_TRY(store.remove(name));
    }
  }
  return {};
}

}  // namespace streamutils::checkpoint
