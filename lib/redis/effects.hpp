// SPDX-License-Identifier: Apache-2.0
// What a sink does to a Redis store, as calls: a chunk collects them, a test writes them down.
#pragma once
#include <span>
#include <string_view>

#include "lib/json/decimal.hpp"

namespace streamutils::redis {

struct Field {
  std::string_view name, value;
};

/// Most fields of one hash or one stream entry: Lua's stack bounds the arguments of a command.
inline constexpr size_t kMaxFields = 3000;

/// Effects are applied in the order of the calls; views need to live no longer than the call.
class Effects {
 public:
  virtual ~Effects() = default;
  /// REQUIRES: 1 to kMaxFields fields.
  virtual void hash_set(std::string_view key, std::span<const Field> fields) = 0;
  /// REQUIRES: 1 to kMaxFields names. A hash without fields is gone.
  virtual void hash_delete(std::string_view key, std::span<const std::string_view> names) = 0;
  /// `score` is a JSON number within a double's range.
  virtual void zset_add(std::string_view key, std::string_view score, std::string_view member) = 0;
  virtual void zset_remove(std::string_view key, std::string_view member) = 0;
  /// REQUIRES: plain_text(amount) has a value.
  virtual void counter_add(std::string_view key, const Decimal& amount) = 0;
  virtual void string_set(std::string_view key, std::string_view value) = 0;
  virtual void string_delete(std::string_view key) = 0;
  /// REQUIRES: 1 to kMaxFields fields.
  virtual void stream_append(std::string_view key, std::span<const Field> fields) = 0;
  virtual void publish(std::string_view channel, std::string_view payload) = 0;
};

}  // namespace streamutils::redis
