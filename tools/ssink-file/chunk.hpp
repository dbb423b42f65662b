// SPDX-License-Identifier: Apache-2.0
// What is to be done to the directory, as bytes of a spool's chunk. docs/exactly-once.md relies on every operation
// being idempotent: its outcome depends on the chunk alone.
//
// Format, little-endian: u8 version (1), u64 next (the first number that no part has), then operations:
//   u8 'w', text part, u64 offset, text bytes   bytes of a part; the first ones (offset 0) make it
//   u8 'f', text part, u64 length               the part is finished at this length
// A text is its u64 length and its bytes; a part is named as it will be found: "a/part-00000001.ndjson.gz".
//
// Thread rule: one thread.
#pragma once
#include <functional>
#include <string_view>

#include "lib/base/status.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::ssink_file {

class ChunkWriter {
 public:
  void write(std::string_view part, uint64_t offset, std::string_view bytes);
  void finish(std::string_view part, uint64_t length);
  [[nodiscard]] bool empty() const { return operations_ == 0; }
  [[nodiscard]] size_t size() const { return state_.bytes().size(); }
  /// The chunk, whole; valid until the next call that changes this writer. `next`: as in the format.
  std::string_view bytes(uint64_t next);
  void clear();

 private:
  StateWriter state_;
  std::string bytes_;
  size_t operations_ = 0;
};

/// Called for each operation of a chunk, in order.
class Operations {
 public:
  virtual ~Operations() = default;
  virtual Status write(std::string_view part, uint64_t offset, std::string_view bytes) = 0;
  virtual Status finish(std::string_view part, uint64_t length) = 0;
};

/// Sets `*next` and calls `operations`. A chunk that is damaged or of a later version is an error.
Status read_chunk(std::string_view chunk, uint64_t* next, Operations& operations);

}  // namespace streamutils::ssink_file
