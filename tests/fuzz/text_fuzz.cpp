// SPDX-License-Identifier: Apache-2.0
// Any bytes as a plain input and as the text of a stream, however they are cut.
#include "tests/fuzz/stream_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace streamutils;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Most of what is made up at random would never get behind the first line of a stream.
  static const std::string open = "{\"$stream\":\"open\",\"version\":1,\"run\":\"r\",\"stages\":[]}\n";
  std::string stream;
  switch (data[0] >> 1 & 3) {
    case 0:
      stream = text;
      break;
    case 1:
      stream = open + std::string(text);
      break;
    default:
      stream = open + std::string(text) + "\n{\"$stream\":\"end\",\"fire\":true}";
  }
  fuzz::check(stream, data[0]);
  return 0;
}
