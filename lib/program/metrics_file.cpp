// SPDX-License-Identifier: Apache-2.0
#include "lib/program/metrics_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>

namespace streamutils {

Status write_metrics_file(const std::string& path, const Metrics& metrics) {
  const std::string temporary = path + ".tmp";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << metrics.prometheus_text();
  file.close();
  if (!file) return errno_status(errno, "write", temporary);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return errno_status(errno, "rename to", path);
  return {};
}

}  // namespace streamutils
