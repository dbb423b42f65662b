// SPDX-License-Identifier: Apache-2.0
// A spool: what one sink will do to its own store for one epoch, as chunks that are ready to be applied.
//
// Chunks are numbered from 1. Their bytes mean something only to the sink that made them. checkpoint(5) draws the
// format: a head, then each chunk with its length and XXH3-64, then a tail with their count, so that a cut is seen.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/checkpoint/object_store.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::checkpoint {

inline constexpr size_t kMaxChunkBytes = 64 << 20;

struct SpoolHead {
  uint64_t epoch = 0;
  Cursor after;  ///< the sink's last chunk before this spool's first
};

/// Writes one. The object is made with the first chunk: an epoch without effects has none.
/// Memory is bounded: chunks go to the store as they come.
class SpoolWriter {
 public:
  /// `store` lives as long as this.
  SpoolWriter(ObjectStore& store, std::string name, SpoolHead head);
  ~SpoolWriter();
  Status add(std::string_view chunk);
  [[nodiscard]] uint64_t chunks() const { return chunks_; }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  /// Makes it durable. Empty: there were no chunks and there is no object.
  Result<std::optional<ObjectRef>> commit();

 private:
  struct Impl;
  ObjectStore& store_;
  std::string name_;
  SpoolHead head_;
  uint64_t chunks_ = 0, bytes_ = 0;
  std::unique_ptr<Impl> impl_;
};

/// Reads one, a chunk at a time.
class SpoolReader {
 public:
  /// Checks the head and the whole object against `ref.sha256` first. Failures name the object and the way out.
  static Result<std::unique_ptr<SpoolReader>> open(ObjectStore& store, const ObjectRef& ref);
  virtual ~SpoolReader() = default;
  [[nodiscard]] virtual const SpoolHead& head() const = 0;
  [[nodiscard]] virtual uint64_t chunks() const = 0;
  /// The next chunk, valid until the next call; empty after the last one.
  virtual Result<std::optional<std::string_view>> next() = 0;
};

}  // namespace streamutils::checkpoint
