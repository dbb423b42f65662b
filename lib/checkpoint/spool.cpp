// SPDX-License-Identifier: Apache-2.0
// Layout: magic, u32 version, u64 epoch, u64 after.epoch, u64 after.chunk; then each chunk: u32 length, bytes, u64
// XXH3-64; then u32 0xFFFFFFFF, u64 count, u64 XXH3-64 of the head and all lengths and hashes.
#include "lib/checkpoint/spool.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/snapshot.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::checkpoint {

namespace {

constexpr std::string_view kMagic = "SUSPOOL1";
constexpr uint32_t kVersion = 1;
constexpr uint32_t kTailMark = 0xFFFFFFFF;
constexpr size_t kHeadBytes = 8 + 4 + 3 * 8;
constexpr size_t kTailBytes = 4 + 8 + 8;
constexpr size_t kReadBytes = 1 << 20;

/// The hash in the tail: of the head, the lengths and the chunks' hashes.
class Outline {
 public:
  Outline() { XXH3_64bits_reset(&state_); }
  void add(std::string_view head) { XXH3_64bits_update(&state_, head.data(), head.size()); }
  void add(uint32_t length, uint64_t hash) {
    StateWriter entry;
    entry.u32(length);
    entry.u64(hash);
    add(entry.bytes());
  }
  [[nodiscard]] uint64_t digest() const { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

}  // namespace

struct SpoolWriter::Impl {
  explicit Impl(std::unique_ptr<ObjectWriter> w) : writer(std::move(w)) {}
  std::unique_ptr<ObjectWriter> writer;
  Sha256 sha;
  Outline outline;
  uint64_t object_bytes = 0;

  Status append(std::string_view bytes) {
    sha.update(bytes);
    object_bytes += bytes.size();
    return writer->append(bytes);
  }
};

SpoolWriter::SpoolWriter(ObjectStore& store, std::string name, SpoolHead head)
    : store_(store), name_(std::move(name)), head_(head) {}
SpoolWriter::~SpoolWriter() = default;

Status SpoolWriter::add(std::string_view chunk) {
  if (chunk.size() > kMaxChunkBytes) {
    return failed("checkpoint '{}': {}: a chunk of {} bytes is larger than {}", store_.place(), name_, chunk.size(),
                  kMaxChunkBytes);
  }
  if (!impl_) {
    STREAM_ASSIGN(auto writer, store_.create(name_));
    impl_ = std::make_unique<Impl>(std::move(writer));
    StateWriter head;
    head.raw(kMagic.data(), kMagic.size());
    head.u32(kVersion);
    head.u64(head_.epoch);
    head.u64(head_.after.epoch);
    head.u64(head_.after.chunk);
    impl_->outline.add(head.bytes());
    STREAM_TRY(impl_->append(head.bytes()));
  }
  const auto length = static_cast<uint32_t>(chunk.size());
  const uint64_t hash = XXH3_64bits(chunk.data(), chunk.size());
  StateWriter before, behind;
  before.u32(length);
  behind.u64(hash);
  STREAM_TRY(impl_->append(before.bytes()));
  STREAM_TRY(impl_->append(chunk));
  STREAM_TRY(impl_->append(behind.bytes()));
  impl_->outline.add(length, hash);
  ++chunks_;
  bytes_ += chunk.size();
  return {};
}

Result<std::optional<ObjectRef>> SpoolWriter::commit() {
  if (!impl_) return std::optional<ObjectRef>();
  StateWriter tail;
  tail.u32(kTailMark);
  tail.u64(chunks_);
  tail.u64(impl_->outline.digest());
  STREAM_TRY(impl_->append(tail.bytes()));
  STREAM_ASSIGN(const bool is_new, impl_->writer->commit());
  if (!is_new)
    return failed("checkpoint '{}': {} is there already: another run has the same id", store_.place(), name_);
  return std::optional(ObjectRef{name_, impl_->object_bytes, impl_->sha.hex()});
}

namespace {

class Reader final : public SpoolReader {
 public:
  Reader(ObjectStore& store, ObjectRef ref) : store_(store), ref_(std::move(ref)) {}

  Status check() {
    STREAM_TRY(check_sha());
    StateReader head(need(0, kHeadBytes));
    STREAM_TRY(take_problem());
    if (head.raw(kMagic.size()) != kMagic) return damaged("it is no spool");
    if (const uint32_t version = head.u32(); version != kVersion) {
      return usage_error("checkpoint '{}': {} is of format {}, this program knows {}: use the version that wrote it{}",
                         store_.place(), ref_.name, version, kVersion, way_out(store_));
    }
    head_.epoch = head.u64();
    head_.after.epoch = head.u64();
    head_.after.chunk = head.u64();
    outline_.add(std::string_view(window_).substr(0, kHeadBytes));
    if (ref_.bytes < kHeadBytes + kTailBytes) return damaged("it is cut short");
    StateReader tail(need(ref_.bytes - kTailBytes, kTailBytes));
    STREAM_TRY(take_problem());
    if (tail.u32() != kTailMark) return damaged("it has no tail");
    chunks_ = tail.u64();
    outline_hash_ = tail.u64();
    at_ = kHeadBytes;
    return {};
  }

  [[nodiscard]] const SpoolHead& head() const override { return head_; }
  [[nodiscard]] uint64_t chunks() const override { return chunks_; }

  Result<std::optional<std::string_view>> next() override {
    constexpr size_t kLengthBytes = 4, kHashBytes = 8;
    const uint64_t end = ref_.bytes - kTailBytes;
    if (at_ == end) {
      if (given_ != chunks_ || outline_.digest() != outline_hash_) return damaged("its tail does not fit its chunks");
      return std::optional<std::string_view>();
    }
    if (end - at_ < kLengthBytes) return damaged("its lengths do not add up");
    const uint32_t length = StateReader(need(at_, kLengthBytes)).u32();
    STREAM_TRY(take_problem());
    if (length > kMaxChunkBytes || end - at_ < kLengthBytes + length + kHashBytes) {
      return damaged("its lengths do not add up");
    }
    const std::string_view whole = need(at_ + kLengthBytes, length + kHashBytes);
    STREAM_TRY(take_problem());
    const std::string_view chunk = whole.substr(0, length);
    const uint64_t hash = StateReader(whole.substr(length)).u64();
    if (hash != XXH3_64bits(chunk.data(), chunk.size())) {
      return damaged(fmt::format("the checksum of its chunk {} is wrong", given_ + 1));
    }
    outline_.add(length, hash);
    ++given_;
    at_ += kLengthBytes + length + kHashBytes;
    return std::optional(chunk);
  }

 private:
  Status damaged(std::string_view why) const {
    return usage_error("checkpoint '{}': {} is damaged ({}){}", store_.place(), ref_.name, why, way_out(store_));
  }
  Status missing() const {
    return usage_error("checkpoint '{}': {} is missing{}", store_.place(), ref_.name, way_out(store_));
  }

  Status check_sha() {
    Sha256 sha;
    uint64_t bytes = 0;
    for (;;) {
      STREAM_ASSIGN(const auto piece, store_.read(ref_.name, bytes, kReadBytes));
      if (!piece) return missing();
      sha.update(*piece);
      bytes += piece->size();
      if (bytes > ref_.bytes) return damaged("it is longer than the manifest says");
      if (piece->size() < kReadBytes) break;
    }
    if (bytes < ref_.bytes) return damaged("it is cut short");
    if (sha.hex() != ref_.sha256) return damaged("its SHA-256 is not the one the manifest names");
    return {};
  }

  /// `size` bytes from `at` on, valid until the next call. On failure: as many zeros, and problem_ says why.
  std::string_view need(uint64_t at, size_t size) {
    const bool have = at >= window_at_ && at + size <= window_at_ + window_.size();
    if (!have) {
      auto bytes = store_.read(ref_.name, at, std::max(size, kReadBytes));
      if (!bytes.ok())
        problem_ = bytes.take_status();
      else if (!*bytes)
        problem_ = missing();
      else if ((*bytes)->size() < size)
        problem_ = damaged("it is cut short");
      if (problem_.ok())
        window_ = **std::move(bytes);
      else
        window_.assign(size, '\0');
      window_at_ = at;
    }
    return std::string_view(window_).substr(at - window_at_, size);
  }
  Status take_problem() { return std::exchange(problem_, Status()); }

  ObjectStore& store_;
  const ObjectRef ref_;
  SpoolHead head_;
  uint64_t chunks_ = 0;
  uint64_t outline_hash_ = 0;
  Outline outline_;
  uint64_t at_ = 0;     // of the next chunk
  uint64_t given_ = 0;  // chunks
  std::string window_;  // what was read last, from window_at_ on
  uint64_t window_at_ = 0;
  Status problem_;
};

}  // namespace

Result<std::unique_ptr<SpoolReader>> SpoolReader::open(ObjectStore& store, const ObjectRef& ref) {
  auto reader = std::make_unique<Reader>(store, ref);
  STREAM_TRY(reader->check());
  return std::unique_ptr<SpoolReader>(std::move(reader));
}

}  // namespace streamutils::checkpoint
