// SPDX-License-Identifier: Apache-2.0
// The options that shape what the sink remembers: the names under which results were written. A checkpoint carries
// them, so that a start with others is refused while there are results whose names they would not find.
#pragma once
#include <array>
#include <string>

#include "lib/base/log.hpp"
#include "lib/stream/state.hpp"
#include "tools/ssink-redis/memory.hpp"
#include "tools/ssink-redis/options.hpp"

namespace streamutils::ssink_redis {

class Fingerprint {
 public:
  explicit Fingerprint(const Options& options);

  void write(StateWriter& out) const;
  /// On failure: cut short, or of another version.
  static Result<Fingerprint> read(StateReader& in);

  /// Do the results remembered under `earlier` options, `counts` of them by target, fit these? A usage error names the
  /// first option that differs with both values. Targets that are new are said.
  Status check(const Fingerprint& earlier, const SinkMemory::Counts& counts, Log& log) const;

 private:
  Fingerprint() = default;
  std::array<std::optional<std::string>, 6> values_;  // in the order of kNames
};

}  // namespace streamutils::ssink_redis
