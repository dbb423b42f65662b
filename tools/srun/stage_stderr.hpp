// SPDX-License-Identifier: Apache-2.0
// What a stage writes to stderr, line by line with the stage in front: "[2 swindow] cannot open ...".
#pragma once
#include <string>
#include <string_view>

namespace streamutils::srun {

class StageStderr {
 public:
  /// `program` is shown once: a line that begins with "swindow: " loses that.
  StageStderr(size_t number, std::string_view program);
  /// Appends to `out` every line that is whole; a line beyond 64 KiB comes in parts.
  void take(std::string_view bytes, std::string& out);
  /// Appends what is left without a newline.
  void finish(std::string& out);

 private:
  void put(std::string_view line, std::string& out) const;
  std::string prefix_;
  std::string own_name_;
  std::string rest_;
};

}  // namespace streamutils::srun
