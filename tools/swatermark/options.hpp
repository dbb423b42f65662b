// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "lib/json/event_time.hpp"
#include "lib/stream/items.hpp"

namespace streamutils::swatermark {

struct Options {
  std::string time_field;
  TimeUnit time_unit = TimeUnit::automatic;
  Duration bounded{0};
  Duration step{100'000};  ///< zero: a watermark at every rise
  std::optional<Duration> max_future;
  Duration idle_after{5'000'000};
  bool why = false;      ///< explain the watermark at the end
  bool suggest = false;  ///< write the bounds that would have done instead of the stream
};

int run(int argc, char** argv);

}  // namespace streamutils::swatermark
