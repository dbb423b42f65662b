// SPDX-License-Identifier: Apache-2.0
// Bytes compressed piece by piece, each piece whole in itself: a gzip member or a Zstandard frame. So every prefix of
// pieces is a valid file, and pieces that are written again are the same files again.
//
// Thread rule: one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/status.hpp"

namespace streamutils {

enum class Compression : uint8_t { none, gzip, zstd };

/// "", ".gz", ".zst"
std::string_view suffix(Compression compression);

class Compressor {
 public:
  static std::unique_ptr<Compressor> create(Compression compression);
  virtual ~Compressor() = default;
  /// Appends `bytes` to `out` as one piece. Fails only for want of memory.
  virtual Status append(std::string_view bytes, std::string& out) = 0;
};

}  // namespace streamutils
