// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: streams to write, and what came of them.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/helpers/decode_all.hpp"
#include "tests/helpers/item_recorder.hpp"

namespace streamutils {

struct Decoded {
  std::vector<std::string> items;
  Status status;
};

/// `chunk`: bytes per read.
inline Decoded decode_by(std::string_view bytes, size_t chunk, const DecodeSettings& settings = {},
                         bool columns = false) {
  Units units;
  ItemRecorder recorder(units, columns);
  Status status = decode_all(bytes, units, settings, recorder, [=](size_t) { return chunk; });
  return {std::move(recorder.items), std::move(status)};
}

/// Decodes whole and byte by byte, expects the same of both, and returns it.
inline Decoded decode(std::string_view bytes, const DecodeSettings& settings = {}, bool columns = false) {
  Decoded whole = decode_by(bytes, ~size_t{0}, settings, columns);
  for (const size_t chunk : {1, 7}) {
    const Decoded cut = decode_by(bytes, chunk, settings, columns);
    EXPECT_EQ(whole.items, cut.items) << chunk << " bytes at a time";
    EXPECT_EQ(whole.status.code(), cut.status.code());
    EXPECT_EQ(whole.status.message(), cut.status.message());
  }
  return whole;
}

inline constexpr const char* kOpenLine = R"({"$stream":"open","version":1,"run":"r","stages":[]})";
inline constexpr const char* kEndLine = R"({"$stream":"end","fire":true})";

/// A text stream of these lines between `open` and `end`.
inline std::string text_stream(const std::vector<std::string>& lines) {
  std::string out = std::string(kOpenLine) + '\n';
  for (const std::string& line : lines) out += line + '\n';
  return out + kEndLine + '\n';
}

/// The items of a stream whose decoding must go well, without its open and end.
inline std::vector<std::string> between(const Decoded& decoded) {
  EXPECT_TRUE(decoded.status.ok()) << decoded.status.message();
  if (decoded.items.size() < 2) return {"no open or no end"};
  EXPECT_EQ(decoded.items.back(), kEndLine);
  return {decoded.items.begin() + 1, decoded.items.end() - 1};
}

using Lines = std::vector<std::string>;

}  // namespace streamutils
