// SPDX-License-Identifier: Apache-2.0
// Any bytes as the binary encoding of a stream, however they are cut: as they are, and as the payloads of well-formed
// frames.
#include <algorithm>
#include <cstring>

#include "lib/stream/binary.hpp"
#include "tests/fuzz/stream_fuzz.hpp"

namespace {

using namespace streamutils;

void append_frame(std::string& out, uint8_t type, uint8_t columns, std::string_view payload) {
  const size_t padded = (payload.size() + 7) / 8 * 8;
  const FrameHeader header{static_cast<uint32_t>(padded), type, columns, 0};
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  out += payload;
  out.append(padded - payload.size(), '\0');
}

void append_control_frame(std::string& out, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  append_frame(out, static_cast<uint8_t>(FrameType::control), 0,
               std::string(reinterpret_cast<const char*>(&size), sizeof size) + std::string(text));
}

void append_unit_frame(std::string& out, uint32_t number, std::string_view name) {
  const uint32_t head[2] = {number, static_cast<uint32_t>(name.size())};
  append_frame(out, static_cast<uint8_t>(FrameType::unit), 0,
               std::string(reinterpret_cast<const char*>(head), sizeof head) + std::string(name));
}

std::string start_of_stream() {
  std::string out(kBinaryMagic);
  append_control_frame(out, R"({"$stream":"open","version":1,"run":"r","stages":[]})");
  append_unit_frame(out, 0, "-");
  append_unit_frame(out, 1, "t/1");
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view given(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] >> 1 & 3) == 0) {
    fuzz::check(std::string(kBinaryMagic) + std::string(given), data[0]);
    return 0;
  }
  // The bytes as frames: each begins with its type, its columns and its length.
  std::string stream = start_of_stream();
  for (std::string_view rest = given; rest.size() >= 3;) {
    const std::string_view payload = rest.substr(3, static_cast<uint8_t>(rest[2]));
    if ((rest[0] & 7) == 0) {
      append_control_frame(stream, payload);
    } else {
      append_frame(stream, rest[0] & 7, static_cast<uint8_t>(rest[1]), payload);
    }
    rest.remove_prefix(3 + payload.size());
  }
  if ((data[0] >> 1 & 3) != 1) append_control_frame(stream, R"({"$stream":"end","fire":false})");
  fuzz::check(stream, data[0]);
  return 0;
}
