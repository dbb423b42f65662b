// SPDX-License-Identifier: Apache-2.0
#include "tools/srun/progress.hpp"

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/object_store.hpp"

namespace streamutils::srun {

Result<std::optional<uint64_t>> newest_manifest(const std::string& store) {
  const auto files = checkpoint::posix_file_system();
  auto objects = checkpoint::open_existing_store(store, *files);
  if (!objects.ok() && objects.status().code() == Code::usage) return std::optional<uint64_t>();
  if (!objects.ok()) return objects.take_status();
  return checkpoint::newest_manifest(**objects);
}

bool is_epoch(const std::string& store, uint64_t number) {
  const auto files = checkpoint::posix_file_system();
  const auto objects = checkpoint::open_existing_store(store, *files);
  if (!objects.ok()) return false;
  const auto manifest = checkpoint::read_manifest(**objects, number);
  return manifest.ok() && manifest->kind == checkpoint::Manifest::Kind::epoch;
}

}  // namespace streamutils::srun
