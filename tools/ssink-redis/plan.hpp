// SPDX-License-Identifier: Apache-2.0
// From one row and what is remembered of earlier ones to effects on the store: the sink's whole logic, without a store.
#pragma once
#include <cstdint>

#include "lib/redis/effects.hpp"
#include "tools/ssink-redis/memory.hpp"
#include "tools/ssink-redis/row.hpp"

namespace streamutils::ssink_redis {

enum class Outcome : uint8_t {
  written,     ///< a record, or a result's first revision
  corrected,   ///< replaced an earlier revision
  withdrawn,   ///< removed what an earlier revision had written
  superseded,  ///< not newer than the revision that stands: no effect
};

class Planner {
 public:
  /// All live as long as this.
  Planner(const Targets& targets, SinkMemory& memory, redis::Effects& effects)
      : targets_(targets), memory_(memory), effects_(effects) {}

  /// A window result: each revision replaces the one before.
  Outcome result(UnitId unit, const Row& row);
  /// A record without identity: written as it is.
  Outcome record(const Row& row);

 private:
  void replace(SinkMemory::Entry& entry, const Written& before, const Row& row);
  void withdraw(SinkMemory::Entry& entry, const Written& before);
  void remove_hash(const SinkMemory::Entry& entry, const Written& before);
  void remove_zset(const SinkMemory::Entry& entry, const Written& before);
  void remove_string(const SinkMemory::Entry& entry, const Written& before);
  bool write_hash(const SinkMemory::Entry& entry, const Written& before, const Row& row);
  bool write_zset(const SinkMemory::Entry& entry, const Written& before, const Row& row);
  bool write_string(const SinkMemory::Entry& entry, const Written& before, const Row& row);
  void write_counter(const Written& before, const Row& row);
  void write_events(const Row& row);
  /// Deletes the fields in `old_names` that are not in `new_names`.
  void delete_fields(std::string_view key, std::string_view old_names, std::string_view new_names);

  const Targets& targets_;
  SinkMemory& memory_;
  redis::Effects& effects_;
  std::vector<std::string_view> old_, new_;
  std::string amount_;
};

}  // namespace streamutils::ssink_redis
