// SPDX-License-Identifier: Apache-2.0
// What the starts of a pipeline have left in its checkpoint store, as far as srun wants to know.
//
// Reads only. Thread rule: one thread. Complexity: a listing and a small object.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/status.hpp"

namespace streamutils::srun {

/// The number of the newest manifest; empty when there is none, or no store yet: the first start makes it.
Result<std::optional<uint64_t>> newest_manifest(const std::string& store);

/// True when manifest `number` is of an epoch, not of a start. False also when it cannot be read: its own pipeline will
/// say why.
bool is_epoch(const std::string& store, uint64_t number);

}  // namespace streamutils::srun
