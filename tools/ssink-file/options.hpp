// SPDX-License-Identifier: Apache-2.0
// The options of ssink-file and its main function.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/time.hpp"
#include "lib/files/compressor.hpp"

namespace streamutils::ssink_file {

struct Options {
  std::string directory;
  std::string path;  ///< a template; empty: parts lie in the directory itself
  std::string prefix = "part";
  int64_t roll_size = 128 << 20;
  Duration roll_every{int64_t{15} * 60 * 1'000'000};
  Compression compression = Compression::none;
  std::optional<int64_t> max_open;  ///< 256 when it is not given
};

int run(int argc, char** argv);

}  // namespace streamutils::ssink_file
