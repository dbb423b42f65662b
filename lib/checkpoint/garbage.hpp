// SPDX-License-Identifier: Apache-2.0
// What the root removes behind a decision.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/object_store.hpp"

namespace streamutils::checkpoint {

inline constexpr size_t kKeepManifests = 3;

/// Remembers what kept manifests name, so that each is read once: objects never change.
class GarbageCollector {
 public:
  explicit GarbageCollector(ObjectStore& store, size_t keep = kKeepManifests) : store_(store), keep_(keep) {}
  /// Removes manifests but the last `keep`, and every object of an epoch before `manifest` that no kept manifest names.
  /// What epochs after it have made is never touched, whoever made it. REQUIRES: `manifest` was published.
  Status collect(const Manifest& manifest);

 private:
  struct Known {
    bool is_start = false;
    std::string run;
    std::vector<std::string> objects;
  };
  static Known known(const Manifest& manifest);

  ObjectStore& store_;
  const size_t keep_;
  std::map<uint64_t, Known> known_;  // by number; of manifests that were there the last time
};

}  // namespace streamutils::checkpoint
