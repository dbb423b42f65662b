// SPDX-License-Identifier: Apache-2.0
// A file that side records are written to, one a line.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "lib/process/child.hpp"

namespace streamutils::sdivert {

class LineFile {
 public:
  explicit LineFile(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Without touching the file: is there a folder for it, and no folder in its place?
  [[nodiscard]] Status check() const;
  /// Makes or empties the file; `append` keeps what is in it.
  Status open(bool append);
  Status write(std::string_view line);
  /// Everything written so far is in the file (not synced) when this returns ok.
  Status flush();
  /// Flushes and closes. A failed close (a full disk behind a network) is a failed status.
  Status close();

 private:
  std::string path_;
  Fd fd_;
  std::string buffer_;
};

}  // namespace streamutils::sdivert
