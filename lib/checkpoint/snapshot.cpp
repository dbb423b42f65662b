// SPDX-License-Identifier: Apache-2.0
// Layout: magic, u32 format, text program, text version, u64 length, state, u64 XXH3-64 of all before.
#include "lib/checkpoint/snapshot.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "lib/checkpoint/manifest.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::checkpoint {

namespace {

constexpr std::string_view kMagic = "SUSTATE1";
constexpr uint32_t kFormat = 1;

/// Hashes and counts what is written, so that a large state is never copied.
class HashedWriter {
 public:
  HashedWriter(ObjectWriter& writer) : writer_(writer) { XXH3_64bits_reset(&xxh3_); }

  Status append(std::string_view bytes) {
    sha_.update(bytes);
    XXH3_64bits_update(&xxh3_, bytes.data(), bytes.size());
    bytes_ += bytes.size();
    return writer_.append(bytes);
  }
  [[nodiscard]] uint64_t xxh3() const { return XXH3_64bits_digest(&xxh3_); }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  std::string sha256() { return sha_.hex(); }

 private:
  ObjectWriter& writer_;
  Sha256 sha_;
  XXH3_state_t xxh3_;
  uint64_t bytes_ = 0;
};

Status damaged(const ObjectStore& store, const ObjectRef& ref, std::string_view why) {
  return usage_error("checkpoint '{}': {} is damaged ({}){}", store.place(), ref.name, why, way_out(store));
}

}  // namespace

std::string state_name(std::string_view run, uint64_t epoch, std::string_view member) {
  return fmt::format("state/{}/{}/{}", run, epoch, member);
}

std::string spool_name(std::string_view run, uint64_t epoch, std::string_view member) {
  return fmt::format("spool/{}/{}/{}", run, epoch, member);
}

std::string way_out(const ObjectStore& store) {
  return fmt::format(
      "; start over with --fresh, or from an earlier checkpoint with --from-epoch N (sstate ls {} shows them)",
      store.place());
}

Result<ObjectRef> put_snapshot(ObjectStore& store, std::string name, const Snapshot& snapshot) {
  StateWriter head;
  head.raw(kMagic.data(), kMagic.size());
  head.u32(kFormat);
  head.text(snapshot.program);
  head.text(snapshot.version);
  head.u64(snapshot.state.size());
  STREAM_ASSIGN(const auto object, store.create(name));
  HashedWriter writer(*object);
  STREAM_TRY(writer.append(head.bytes()));
  STREAM_TRY(writer.append(snapshot.state));
  StateWriter tail;
  tail.u64(writer.xxh3());
  STREAM_TRY(writer.append(tail.bytes()));
  STREAM_ASSIGN(const bool is_new, object->commit());
  if (!is_new) return failed("checkpoint '{}': {} is there already: another run has the same id", store.place(), name);
  return ObjectRef{std::move(name), writer.bytes(), writer.sha256()};
}

Result<Snapshot> get_snapshot(ObjectStore& store, const ObjectRef& ref) {
  // One more than there should be, so that a longer one is seen and a much longer one is not read.
  STREAM_ASSIGN(auto bytes, store.read(ref.name, 0, std::max(ref.bytes, ref.bytes + 1)));
  if (!bytes) return usage_error("checkpoint '{}': {} is missing{}", store.place(), ref.name, way_out(store));
  if (bytes->size() < ref.bytes) return damaged(store, ref, "it is cut short");
  if (bytes->size() > ref.bytes) return damaged(store, ref, "it is longer than the manifest says");
  if (sha256_hex(*bytes) != ref.sha256) return damaged(store, ref, "its SHA-256 is not the one the manifest names");

  StateReader in(*bytes);
  if (in.raw(kMagic.size()) != kMagic) return damaged(store, ref, "it is no snapshot");
  if (const uint32_t format = in.u32(); in.ok() && format != kFormat) {
    return usage_error("checkpoint '{}': {} is of format {}, this program knows {}: use the version that wrote it{}",
                       store.place(), ref.name, format, kFormat, way_out(store));
  }
  Snapshot snapshot;
  snapshot.program = in.text();
  snapshot.version = in.text();
  const std::string_view state = in.text();
  const uint64_t xxh3 = in.u64();
  if (!in.ok() || !in.at_end()) return damaged(store, ref, "its lengths do not add up");
  if (xxh3 != XXH3_64bits(bytes->data(), bytes->size() - sizeof(xxh3)))
    return damaged(store, ref, "its checksum is wrong");
  snapshot.state = state;
  return snapshot;
}

}  // namespace streamutils::checkpoint
