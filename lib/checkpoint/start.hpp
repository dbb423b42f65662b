// SPDX-License-Identifier: Apache-2.0
// How a start begins: the root sink decides what is gone on from and says so under restore/<run>; all others wait for
// that.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/members.hpp"
#include "lib/checkpoint/object_store.hpp"
#include "lib/checkpoint/patience.hpp"
#include "lib/stream/context.hpp"

namespace streamutils::checkpoint {

struct StartSettings {
  bool fresh = false;                  ///< --fresh
  std::optional<uint64_t> from_epoch;  ///< --from-epoch
  Duration lock_patience{5'000'000};
};

/// What a root sink holds from its start to its end.
struct Started {
  std::unique_ptr<ObjectStore::Lock> lock;
  Manifest manifest;  ///< the start manifest it published; or, of kind finished, the one that was found: nothing is to
                      ///< be done
  std::vector<MemberInfo> members;
};

/// The root's part, before it says anything to the others: checks the members, takes the lock (waiting up to
/// lock_patience), chooses the manifest, takes the next generation by publishing a copy of it.
/// Usage errors: another run holds the lock (named), a member whose store differs, members that the manifest knows and
/// the pipeline lacks (named, with the difference), --from-epoch that is not kept.
Result<Started> start_root(ObjectStore& store, const Open& open, const StartSettings& settings, Patience& patience,
                           Context& context);
/// Tells the others of the run. Called when the root has fenced its own store.
Status announce(ObjectStore& store, const Started& started, std::string_view run);

/// Everybody else: waits until the root has decided. REQUIRES: `open` was passed on and flushed.
Result<Manifest> await_start(ObjectStore& store, std::string_view run, Patience& patience);

/// True when manifest `number` was published by `run` and no later generation has begun. Fails with fenced() when one
/// has.
Result<bool> is_decided(ObjectStore& store, uint64_t number, std::string_view run, uint64_t generation);

/// Publishes `manifest`: the decision. Fails with fenced() when a later generation has begun.
Status decide(ObjectStore& store, const Manifest& manifest);

/// What a failure of a member really is: fenced() when a later generation has begun, whose clean-up the member ran
/// into.
Status or_fenced(Status status, ObjectStore& store, uint64_t generation);

/// The epoch in an object's name, "state/<run>/<epoch>/<member>"; empty when there is none.
std::optional<uint64_t> object_epoch(std::string_view name);

}  // namespace streamutils::checkpoint
