// SPDX-License-Identifier: Apache-2.0
// Order of removal: manifests first, oldest first, then what none of those that are left needs. So whatever interrupts
// it, a manifest that is there has all it names.
#include <unistd.h>

#include <algorithm>

#include "lib/checkpoint/start.hpp"
#include "tools/sstate/catalog.hpp"
#include "tools/sstate/commands.hpp"

namespace streamutils::sstate {

using checkpoint::ObjectStore;

namespace {

/// The numbers that are to go.
Result<std::vector<uint64_t>> chosen(const std::vector<uint64_t>& numbers, const RemoveOptions& options,
                                     const std::string& place) {
  if (options.all) return numbers;
  std::vector<uint64_t> out;
  if (options.older_than) {
    for (const uint64_t number : numbers) {
      if (number < *options.older_than && number != numbers.back()) out.push_back(number);
    }
    return out;
  }
  if (std::find(numbers.begin(), numbers.end(), *options.number) == numbers.end()) {
    return usage_error("checkpoint '{}' has no epoch {}", place, *options.number);
  }
  if (*options.number == numbers.back()) {
    return usage_error(
        "epoch {} is the newest: without it sinks would find effects in their stores that no checkpoint knows of; to "
        "go back, start with --from-epoch N; to remove everything, give --all --yes",
        *options.number);
  }
  out.push_back(*options.number);
  return out;
}

}  // namespace

Status remove(ObjectStore& store, const RemoveOptions& options, Printer& out) {
  std::string other;
  STREAM_ASSIGN(const auto lock, store.try_lock(fmt::format("sstate rm, pid {}", getpid()), &other));
  if (!lock) {
    return usage_error("checkpoint '{}' is in use ({}): stop the pipeline first", store.place(),
                       other.empty() ? "unknown" : other);
  }
  STREAM_ASSIGN(const std::vector<uint64_t> numbers, manifest_numbers(store));
  STREAM_ASSIGN(const std::vector<uint64_t> going, chosen(numbers, options, store.place()));
  for (const uint64_t number : going) {
    STREAM_TRY(store.remove(checkpoint::manifest_name(number)));
    STREAM_TRY(out.line("removed epoch {}", number));
  }
  STREAM_ASSIGN(const std::vector<Entry> left, read_manifests(store));
  const bool unreadable = std::any_of(left.begin(), left.end(), [](const Entry& entry) { return !entry.manifest; });
  if (unreadable) {
    return failed(
        "checkpoint '{}': objects are left where they are, since it is not known what a damaged manifest needs",
        store.place());
  }
  STREAM_ASSIGN(std::vector<std::string> unused, unused_objects(store, left));
  // What is of later epochs may be in the making, should a pipeline be at work that the lock does not keep out.
  if (!left.empty()) {
    std::erase_if(unused, [&](const std::string& name) {
      return checkpoint::object_epoch(name).value_or(0) > left.back().number;
    });
  }
  for (const std::string& name : unused) STREAM_TRY(store.remove(name));
  STREAM_TRY(store.clean(""));
  return out.line("removed {} objects that no epoch needs", unused.size());
}

}  // namespace streamutils::sstate
