// SPDX-License-Identifier: Apache-2.0
// Where a Redis server is, as one URL says it.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/status.hpp"

namespace streamutils::redis {

struct Url {
  std::string host = "localhost";
  int port = 6379;
  std::string path;  ///< of the unix socket; empty for TCP
  std::string user, password;
  int db = 0;

  /// For messages: the URL without its password.
  [[nodiscard]] std::string display() const;
};

/// redis://[[user]:password@]host[:port][/db], host also as [::1]; unix://[[user]:password@]/path[?db=N]. User and
/// password are percent-decoded. On failure a usage error that shows the accepted forms and never the password;
/// rediss:// (TLS) is refused with its remedy.
Result<Url> parse_url(std::string_view text);

/// The password in `path`, without its final newline. On failure: a usage error.
Result<std::string> read_password_file(const std::string& path);

}  // namespace streamutils::redis
