// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-kafka/chunk.hpp"

namespace streamutils::ssink_kafka {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

void ChunkWriter::add(const KafkaMessage& message) {
  state_.u8(message.key ? 1 : 0);
  if (message.key) state_.text(*message.key);
  state_.text(message.value);
  ++messages_;
}

void ChunkWriter::clear() {
  state_ = StateWriter();
  state_.u8(kVersion);
  messages_ = 0;
}

Status read_chunk(std::string_view chunk, std::vector<KafkaMessage>& messages) {
  StateReader in(chunk);
  const uint8_t version = in.u8();
  if (in.ok() && version != kVersion) {
    return usage_error(
        "the spool holds messages of form {}, which this version of ssink-kafka does not know; go on with "
        "the version that wrote it, or a later one",
        version);
  }
  while (in.ok() && !in.at_end()) {
    KafkaMessage message;
    const uint8_t has_key = in.u8();
    if (has_key > 1) return failed("the spool holds a damaged message");
    if (has_key == 1) message.key = in.text();
    message.value = in.text();
    if (in.ok()) messages.push_back(message);
  }
  return in.status("ssink-kafka's spooled messages");
}

}  // namespace streamutils::ssink_kafka
