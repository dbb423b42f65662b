// SPDX-License-Identifier: Apache-2.0
// When the effects of a pipeline under a checkpoint can be seen.
#pragma once
#include <cstdint>

namespace streamutils::redis {

/// Once their epoch is decided; or at once, to be taken back by the next start if it never is.
enum class Commit : uint8_t { epoch, now };

}  // namespace streamutils::redis
