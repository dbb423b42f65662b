// SPDX-License-Identifier: Apache-2.0
// What sstate does: one function a command. All but remove() change nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/log.hpp"
#include "lib/checkpoint/object_store.hpp"
#include "lib/stream/context.hpp"
#include "tools/sstate/printer.hpp"

namespace streamutils::sstate {

/// A line for each manifest. Fails, behind the last line, when one is damaged.
Status list(checkpoint::ObjectStore& store, bool json, Printer& out);

/// A manifest in words.
Status show(checkpoint::ObjectStore& store, std::optional<uint64_t> number, Printer& out);

struct CatOptions {
  std::optional<uint64_t> number;
  std::string stage;               ///< a member's name; empty: all
  std::optional<std::string> key;  ///< see key_filter.hpp
};
/// What the members' states hold, as NDJSON.
Status print_state(checkpoint::ObjectStore& store, const CatOptions& options, Context& context, Printer& out);

/// Reads everything that manifests name. Fails, behind the last line, when something is damaged or missing.
Status verify(checkpoint::ObjectStore& store, Printer& out);

struct RemoveOptions {
  std::optional<uint64_t> number;
  std::optional<uint64_t> older_than;
  bool all = false;
};
/// Removes manifests, and what then none needs. Fails with a usage error while a pipeline holds the lock, and when the
/// newest manifest would go without `all`.
Status remove(checkpoint::ObjectStore& store, const RemoveOptions& options, Printer& out);

}  // namespace streamutils::sstate
