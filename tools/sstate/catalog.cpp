// SPDX-License-Identifier: Apache-2.0
#include "tools/sstate/catalog.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "lib/checkpoint/snapshot.hpp"

namespace streamutils::sstate {

using checkpoint::Manifest;
using checkpoint::ObjectStore;

std::string_view name(Manifest::Kind kind) {
  switch (kind) {
    case Manifest::Kind::start:
      return "start";
    case Manifest::Kind::epoch:
      return "epoch";
    case Manifest::Kind::ended:
      return "ended";
    case Manifest::Kind::finished:
      return "finished";
  }
  return {};
}

uint64_t object_bytes(const Manifest& manifest) {
  uint64_t bytes = 0;
  for (const Ack& member : manifest.members) {
    for (const ObjectRef& object : member.objects) bytes += object.bytes;
  }
  return bytes;
}

std::string without_way_out(std::string_view message, const ObjectStore& store) {
  const std::string way_out = checkpoint::way_out(store);
  if (message.ends_with(way_out)) message.remove_suffix(way_out.size());
  const std::string place = fmt::format("checkpoint '{}': ", store.place());
  if (message.starts_with(place)) message.remove_prefix(place.size());
  return std::string(message);
}

Result<std::vector<uint64_t>> manifest_numbers(ObjectStore& store) {
  STREAM_ASSIGN(const std::vector<std::string> names, store.list("manifest/"));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = checkpoint::manifest_number(name)) numbers.push_back(*number);
  }
  return numbers;
}

Result<std::vector<Entry>> read_manifests(ObjectStore& store) {
  STREAM_ASSIGN(const std::vector<uint64_t> numbers, manifest_numbers(store));
  std::vector<Entry> out;
  for (const uint64_t number : numbers) {
    STREAM_ASSIGN(const bool there, store.exists(checkpoint::manifest_name(number)));
    if (!there) continue;  // removed meanwhile
    auto manifest = checkpoint::read_manifest(store, number);
    if (!manifest.ok() && manifest.status().code() != Code::usage) return manifest.take_status();
    Entry entry{.number = number, .manifest = {}, .damage = {}};
    if (manifest.ok()) {
      entry.manifest = *std::move(manifest);
    } else {
      entry.damage = without_way_out(manifest.status().message(), store);
    }
    out.push_back(std::move(entry));
  }
  return out;
}

Result<Manifest> choose_manifest(ObjectStore& store, std::optional<uint64_t> number) {
  STREAM_ASSIGN(const std::vector<uint64_t> numbers, manifest_numbers(store));
  if (numbers.empty()) return usage_error("checkpoint '{}' is empty", store.place());
  if (number && std::find(numbers.begin(), numbers.end(), *number) == numbers.end()) {
    return usage_error("checkpoint '{}' has no epoch {}; it keeps {}", store.place(), *number,
                       fmt::join(numbers, ", "));
  }
  return checkpoint::read_manifest(store, number.value_or(numbers.back()));
}

Result<std::vector<std::string>> unused_objects(ObjectStore& store, const std::vector<Entry>& entries) {
  std::set<std::string, std::less<>> used;
  for (const Entry& entry : entries) {
    if (!entry.manifest) continue;
    used.insert("restore/" + entry.manifest->run);
    for (const Ack& member : entry.manifest->members) {
      for (const ObjectRef& object : member.objects) used.insert(object.name);
    }
  }
  STREAM_ASSIGN(const std::vector<std::string> names, store.list(""));
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (!name.starts_with("manifest/") && !used.contains(name)) out.push_back(name);
  }
  return out;
}

}  // namespace streamutils::sstate
