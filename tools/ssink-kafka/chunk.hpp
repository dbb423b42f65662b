// SPDX-License-Identifier: Apache-2.0
// Messages as bytes, for a spool that a later version may have to read.
//
//   u8   version, 1
//   then, until the end, for each message:
//     u8   1: it has a key; 0: it has none
//     text the key, when it has one      (text: u64 length, then the bytes; integers little-endian)
//     text the value
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/kafka/transactional_writer.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::ssink_kafka {

inline constexpr size_t kChunkMessages = 4096;
inline constexpr size_t kChunkBytes = 1 << 20;

class ChunkWriter {
 public:
  ChunkWriter() { clear(); }
  void add(const KafkaMessage& message);
  [[nodiscard]] bool empty() const { return messages_ == 0; }
  /// Time to give it away.
  [[nodiscard]] bool full() const { return messages_ >= kChunkMessages || state_.bytes().size() >= kChunkBytes; }
  [[nodiscard]] const std::string& bytes() const { return state_.bytes(); }
  void clear();

 private:
  StateWriter state_;
  size_t messages_ = 0;
};

/// Appends the messages of a chunk to `messages`; they are views into it. A failure says what is wrong with it.
Status read_chunk(std::string_view chunk, std::vector<KafkaMessage>& messages);

}  // namespace streamutils::ssink_kafka
