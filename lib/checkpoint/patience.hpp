// SPDX-License-Identifier: Apache-2.0
// How one stage waits for another.
#pragma once
#include "lib/base/status.hpp"
#include "lib/base/time.hpp"

namespace streamutils::checkpoint {

/// Who looks for another's object again and again waits twice as long each time, up to this. A decision takes a few
/// syncs of the disk: on a quick one it is seen at once, and on a slow one looking costs little.
inline constexpr Duration kLongestLook{50'000};

class Patience {
 public:
  virtual ~Patience() = default;
  /// Waits for `duration`. Fails when waiting has become pointless: Code::broken_pipe when the reader of our output is
  /// gone, Code::failed when the writer of our input died.
  virtual Status pause(Duration duration) = 0;
  /// True when the writer of our input has closed it, be it after a clean `end`.
  [[nodiscard]] virtual bool input_closed() const = 0;
};

}  // namespace streamutils::checkpoint
