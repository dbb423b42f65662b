// SPDX-License-Identifier: Apache-2.0
#include "lib/base/clock.hpp"

#include <chrono>

namespace streamutils {

WallTime SystemClock::wall() const {
  using namespace std::chrono;
  return WallTime{duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
}

MonoTime SystemClock::mono() const {
  using namespace std::chrono;
  return MonoTime{duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count()};
}

}  // namespace streamutils
