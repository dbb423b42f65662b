// SPDX-License-Identifier: Apache-2.0
#include "lib/base/status.hpp"

#include <system_error>

namespace streamutils {

Status errno_status(int error, std::string_view what, std::string_view subject) {
  return failed("cannot {} '{}': {}", what, subject, std::generic_category().message(error));
}

}  // namespace streamutils
