// SPDX-License-Identifier: Apache-2.0
// Where a store keeps how many of a writer's chunks it has applied, and how that is read and moved. The writer counts
// its chunks from 1 and knows nothing else of it.
//
// Two kinds: sequence_ledger.hpp for one run, cursor_ledger.hpp for a pipeline under a checkpoint.
// Thread rule: one thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/status.hpp"
#include "lib/redis/connection.hpp"

namespace streamutils::redis {

class Ledger {
 public:
  virtual ~Ledger() = default;

  [[nodiscard]] virtual const std::string& key() const = 0;
  [[nodiscard]] virtual std::string_view script() const = 0;

  /// A connection was made: what was asked before on another is forgotten.
  virtual void begin() = 0;
  /// Appends the next commands that must be answered before chunks may go; returns how many. 0: nothing more to ask.
  virtual size_t ask(std::string& out) = 0;
  /// May the i-th of what was last asked fail without consequence?
  [[nodiscard]] virtual bool may_fail(size_t) const { return false; }
  /// The answer to the i-th of what was last asked; an error only when it may fail.
  virtual Status take(size_t i, const Reply& reply) = 0;
  /// After all answers: the number of the last chunk that the store has. `confirmed` is what it had confirmed, `last`
  /// the last one made. Fails when the store's word fits neither of these nor any between.
  virtual Result<uint64_t> stored(uint64_t confirmed, uint64_t last) const = 0;

  /// What the script is told of chunk `number`: its first two arguments.
  virtual void describe(uint64_t number, std::string& first, std::string& second) const = 0;
  /// Is this the script's word that it has applied chunk `number`, now or before?
  [[nodiscard]] virtual bool confirms(const Reply& reply, uint64_t number) const = 0;
  /// Why the script has refused a chunk, when its reply begins with this ledger's own word.
  virtual Status refused(const Reply& reply, uint64_t confirmed) const = 0;
  /// The chunks up to `number` are confirmed.
  virtual void confirmed(uint64_t number) = 0;
};

}  // namespace streamutils::redis
