// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "lib/base/clock.hpp"
#include "lib/cli/cli.hpp"
#include "lib/kafka/source.hpp"

namespace streamutils::skafka_cat {

struct Options {
  KafkaOptions kafka;
  KafkaSourceSettings source;
  KafkaRange offsets;  ///< of -o alone
  std::optional<std::string> from, to;
  bool end = false;   ///< -e
  bool list = false;  ///< -L
};

void declare(cli::Cli& cli, Options& options, const Clock& clock);

/// What -o, -e, --from and --to come to together. On failure: a usage error that names the two that exclude each other.
Result<KafkaRange> range_of(const Options& options, bool checkpoint, WallTime now);

int run(int argc, char** argv);

}  // namespace streamutils::skafka_cat
