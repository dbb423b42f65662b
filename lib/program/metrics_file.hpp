// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "lib/base/metrics.hpp"
#include "lib/base/status.hpp"

namespace streamutils {

/// Replaces `path` by the current figures in one step, so that whoever reads it (node_exporter's textfile collector) sees either the
/// old or the new text. Writes `path`.tmp on the way. Not synced: the file is of no use after a crash.
Status write_metrics_file(const std::string& path, const Metrics& metrics);

}  // namespace streamutils
