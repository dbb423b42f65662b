// SPDX-License-Identifier: Apache-2.0
#include "tools/sstate/printer.hpp"

#include <unistd.h>

#include <cerrno>

namespace streamutils::sstate {

Status Printer::flush() {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EPIPE) {
      return {Code::broken_pipe, "the reader of standard output is gone"};
    } else if (errno != EINTR) {
      return errno_status(errno, "write to", "standard output");
    }
  }
  text_.clear();
  return {};
}

}  // namespace streamutils::sstate
