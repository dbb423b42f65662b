// SPDX-License-Identifier: Apache-2.0
// A snapshot object: an operator's state with a head that says whose it is. checkpoint(5) draws it.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/status.hpp"
#include "lib/checkpoint/object_store.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::checkpoint {

struct Snapshot {
  std::string program;  ///< "swindow"
  std::string version;  ///< of streamutils that wrote it
  std::string state;    ///< Operator::snapshot()
};

std::string state_name(std::string_view run, uint64_t epoch, std::string_view member);
std::string spool_name(std::string_view run, uint64_t epoch, std::string_view member);

/// Writes it. The returned reference is what an ack carries.
Result<ObjectRef> put_snapshot(ObjectStore& store, std::string name, const Snapshot& snapshot);
/// A missing, cut, changed or later-version object is an error that names it and the way out.
Result<Snapshot> get_snapshot(ObjectStore& store, const ObjectRef& ref);

/// "; start over with --fresh, or from an earlier checkpoint with --from-epoch N (sstate ls DIR shows them)"
std::string way_out(const ObjectStore& store);

}  // namespace streamutils::checkpoint
