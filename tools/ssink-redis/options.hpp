// SPDX-License-Identifier: Apache-2.0
// The options of ssink-redis and its main function.
#pragma once
#include <optional>
#include <string>

#include "lib/base/time.hpp"
#include "lib/redis/commit.hpp"

namespace streamutils::ssink_redis {

struct Options {
  std::string url;
  std::string password_file;
  std::optional<std::string> hash, zset, score, member, counter, by, string, stream, publish;
  std::optional<Duration> ttl;
  Duration retry_for{60'000'000};
  std::optional<redis::Commit> commit;  ///< Under a checkpoint; epoch when empty.
};

int run(int argc, char** argv);

}  // namespace streamutils::ssink_redis
