// SPDX-License-Identifier: Apache-2.0
// A file read as bytes, decompressed on the way when it is gzip or Zstandard. With compressor.hpp the only place that
// includes zlib and libzstd.
//
// What a file is, its first bytes tell, not its name. Several compressed parts in one file (`cat a.gz b.gz`) are read one after the other.
#pragma once
#include <memory>
#include <string>

#include "lib/base/status.hpp"

namespace streamutils {

class InputFile {
 public:
  /// Opens `path`. On failure: "cannot open 'x': No such file or directory".
  static Result<std::unique_ptr<InputFile>> open(const std::string& path);
  virtual ~InputFile() = default;
  /// Reads up to `size` (REQUIRES: > 0) bytes into `to`; 0 only at the end. On failure (I/O, corrupt or truncated
  /// compressed data) the message names the file.
  virtual Result<size_t> read(char* to, size_t size) = 0;
};

}  // namespace streamutils
