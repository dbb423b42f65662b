// SPDX-License-Identifier: Apache-2.0
// What a checkpoint store keeps: its manifests, oldest first, and the objects they name.
//
// A pipeline may be at work meanwhile, and remove what it no longer keeps: what was listed may be gone when it is read.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/object_store.hpp"

namespace streamutils::sstate {

std::string_view name(checkpoint::Manifest::Kind kind);
/// All objects of its members: their bytes. An object that several manifests name counts in each.
uint64_t object_bytes(const checkpoint::Manifest& manifest);
/// `message` without the advice that programs of a pipeline add to it.
std::string without_way_out(std::string_view message, const checkpoint::ObjectStore& store);

/// The numbers of the manifests that are kept.
Result<std::vector<uint64_t>> manifest_numbers(checkpoint::ObjectStore& store);

struct Entry {
  uint64_t number = 0;
  std::optional<checkpoint::Manifest> manifest;  ///< empty: `damage` says what is wrong with it
  std::string damage;
};
/// Reads them all. One that cannot be read as a manifest is no failure of this.
Result<std::vector<Entry>> read_manifests(checkpoint::ObjectStore& store);

/// The manifest `number`, or the newest. Not kept: a usage error that lists those that are.
Result<checkpoint::Manifest> choose_manifest(checkpoint::ObjectStore& store, std::optional<uint64_t> number);

/// The names of all objects but manifests that none of `entries` needs: of starts that were killed, of an epoch in the
/// making, of manifests that are gone.
Result<std::vector<std::string>> unused_objects(checkpoint::ObjectStore& store, const std::vector<Entry>& entries);

}  // namespace streamutils::sstate
