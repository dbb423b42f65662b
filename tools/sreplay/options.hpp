// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lib/json/event_time.hpp"
#include "lib/kafka/config.hpp"
#include "tools/sreplay/check.hpp"

namespace streamutils::sreplay {

struct Options {
  std::vector<std::string> arguments;  ///< files, or topics with -b
  KafkaOptions kafka;
  std::optional<std::string> from, to;
  std::optional<std::string> time_field;
  TimeUnit time_unit = TimeUnit::automatic;
  double speed = 0;  ///< 0: as fast as possible
  CheckOptions check;
};

int run(int argc, char** argv);

}  // namespace streamutils::sreplay
