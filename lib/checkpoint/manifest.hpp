// SPDX-License-Identifier: Apache-2.0
// A manifest: the one object that decides. Epoch N happened if and only if manifest N is there.
//
// It is a small stream as text, so that people and jq can read it: a line that names it, the pipeline's `open`, a
// `barrier` with the positions, one `ack` a member, and a last line with the SHA-256 of all lines before.
// checkpoint(5) draws it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/checkpoint/object_store.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::checkpoint {

struct Manifest {
  enum class Kind : uint8_t {
    start,     ///< a generation begins: a copy of what it goes on from
    epoch,     ///< a cut while the stream goes on
    ended,     ///< the stream ended without firing: the next start goes on with new bounds
    finished,  ///< the stream ended for good
  };
  Kind kind = Kind::start;
  uint64_t number = 0;      ///< its epoch; numbers rise by one and never repeat
  uint64_t generation = 0;  ///< how many times the pipeline was started
  std::string pipeline;     ///< UUID, the same for all manifests of a store
  std::string run;
  std::string holder;  ///< "pid 12 on host"
  WallTime created;
  std::optional<uint64_t> from;  ///< of a start: the manifest it goes on from
  bool rewound = false;          ///< --from-epoch: sinks' stores are ahead of it, and are written again
  Open open;                     ///< stages, and the bounds of the sources as first seen
  std::vector<std::pair<std::string, int64_t>> positions;
  std::vector<Ack> members;  ///< each with the objects that are in force, whichever epoch they are of

  [[nodiscard]] const Ack* member(std::string_view name) const;
};

std::string manifest_name(uint64_t number);  ///< "manifest/00000000000000000007"
/// The number in a manifest's name; empty when it is no such name.
std::optional<uint64_t> manifest_number(std::string_view name);

std::string format_manifest(const Manifest& manifest);
/// On failure: says what is wrong with the object `name` (cut short, changed, of a later version).
Result<Manifest> parse_manifest(std::string_view name, std::string_view bytes);

/// The highest number there is; empty in a fresh store.
Result<std::optional<uint64_t>> newest_manifest(ObjectStore& store);
/// REQUIRES: it was listed. A missing or damaged manifest is an error with the way out.
Result<Manifest> read_manifest(ObjectStore& store, uint64_t number);

/// "ab12…", 64 digits.
std::string sha256_hex(std::string_view bytes);

/// SHA-256 in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  std::string hex();  ///< ends it

 private:
  void* context_;
};

}  // namespace streamutils::checkpoint
