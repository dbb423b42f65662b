// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/chunk.hpp"

namespace streamutils::ssink_file {

namespace {
constexpr uint8_t kVersion = 1;
}

void ChunkWriter::write(std::string_view part, uint64_t offset, std::string_view bytes) {
  state_.u8('w');
  state_.text(part);
  state_.u64(offset);
  state_.text(bytes);
  ++operations_;
}

void ChunkWriter::finish(std::string_view part, uint64_t length) {
  state_.u8('f');
  state_.text(part);
  state_.u64(length);
  ++operations_;
}

std::string_view ChunkWriter::bytes(uint64_t next) {
  StateWriter head;
  head.u8(kVersion);
  head.u64(next);
  bytes_.assign(head.bytes()).append(state_.bytes());
  return bytes_;
}

void ChunkWriter::clear() {
  state_ = {};
  operations_ = 0;
}

Status read_chunk(std::string_view chunk, uint64_t* next, Operations& operations) {
  StateReader in(chunk);
  if (const uint8_t version = in.u8(); version != kVersion) {
    return usage_error("a chunk of format {}, which this version of ssink-file does not know", version);
  }
  *next = in.u64();
  while (in.ok() && !in.at_end()) {
    const uint8_t kind = in.u8();
    const std::string_view part = in.text();
    const uint64_t number = in.u64();
    const std::string_view bytes = kind == 'w' ? in.text() : std::string_view();
    if (!in.ok()) break;
    if (kind == 'w') {
      STREAM_TRY(operations.write(part, number, bytes));
    } else if (kind == 'f') {
      STREAM_TRY(operations.finish(part, number));
    } else {
      return failed("a chunk with an unknown operation {}", kind);
    }
  }
  return in.status("a chunk");
}

}  // namespace streamutils::ssink_file
