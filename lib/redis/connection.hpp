// SPDX-License-Identifier: Apache-2.0
// One connection to a Redis server that never blocks: bytes out, replies in. hiredis is included here alone.
//
// Thread rule: one thread at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/base/time.hpp"
#include "lib/redis/url.hpp"

namespace streamutils::redis {

struct Reply {
  enum class Kind : uint8_t { integer, text, error, nil, array };
  Kind kind = Kind::nil;
  int64_t integer = 0;
  std::string text;  ///< of a text, a status or an error
  std::vector<Reply> items;

  [[nodiscard]] bool is_error(std::string_view code) const;
};

/// Appends one argument of a command in Redis' protocol.
void append_argument(std::string& out, std::string_view argument);
/// Appends a whole command in Redis' protocol.
void append_command(std::string& out, std::initializer_list<std::string_view> arguments);

class Connection {
 public:
  /// Begins to connect (a host's name is looked up at once, which may take a moment). wait() for writing, then
  /// finish().
  static Result<Connection> begin(const Url& url);
  /// After the first writability: did the connection come about?
  Status finish();

  /// Waits until there is something to read, or, when `to_write`, room to write; false after `timeout`.
  bool wait(bool to_write, Duration timeout) const;
  /// Writes what fits now and returns how much that was. Failed when the connection is gone; never raises SIGPIPE.
  Result<size_t> send(std::string_view bytes);
  /// The next reply; empty when it has not come whole yet. Failed when the connection is gone or speaks no Redis.
  Result<std::optional<Reply>> receive();

 private:
  struct Impl;
  struct Free {
    void operator()(Impl* impl) const;
  };
  explicit Connection(Impl* impl) : impl_(impl) {}
  std::unique_ptr<Impl, Free> impl_;
};

}  // namespace streamutils::redis
