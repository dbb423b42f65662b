// SPDX-License-Identifier: Apache-2.0
// Effects gathered into one body, which the chunk script applies whole or not at all.
//
// Invariants:
//  1. Every key is named once, with the one type that all its effects need.
//  2. Effects on one key keep their order; those on a counter are added up here.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/time.hpp"
#include "lib/redis/effects.hpp"

namespace streamutils::redis {

/// `amount` in plain digits without an exponent; empty when it has more than `max_digits` before or behind the point.
inline constexpr size_t kMaxAmountDigits = 30;
std::optional<std::string> plain_text(const Decimal& amount, size_t max_digits = kMaxAmountDigits);

class Chunk final : public Effects {
 public:
  /// `ttl`: the life of a key from its last write on; empty: keys are kept as they are.
  explicit Chunk(std::optional<Duration> ttl) : ttl_(ttl) {}

  void hash_set(std::string_view key, std::span<const Field> fields) override;
  void hash_delete(std::string_view key, std::span<const std::string_view> names) override;
  void zset_add(std::string_view key, std::string_view score, std::string_view member) override;
  void zset_remove(std::string_view key, std::string_view member) override;
  void counter_add(std::string_view key, const Decimal& amount) override;
  void string_set(std::string_view key, std::string_view value) override;
  void string_delete(std::string_view key) override;
  void stream_append(std::string_view key, std::span<const Field> fields) override;
  void publish(std::string_view channel, std::string_view payload) override;

  [[nodiscard]] bool empty() const { return keys_.empty() && operations_ == 0; }
  [[nodiscard]] size_t bytes() const { return arguments_.size() + key_bytes_.size(); }

  /// Appends the chunk's body (chunk_body.hpp), then forgets the effects. On failure: two effects want one key as
  /// different types.
  Status seal(std::string& out);

 private:
  struct Key {
    char type;  // h, z, c, s, t: see script.cpp
    bool written = false;
    Decimal amount;  // of a counter
  };
  /// The key's number, as the script counts. The operation itself is left to the caller when it is '\0'.
  size_t begin(char operation, std::string_view key, char type, bool writes);
  /// Appends the operation on a key with these fields.
  void fields_operation(char operation, size_t key, std::span<const Field> fields);
  /// The number of the shape that has the names of `fields`.
  size_t shape(std::span<const Field> fields);
  void argument(std::string_view text);
  void count(size_t n);
  void clear();

  std::optional<Duration> ttl_;
  boost::unordered_flat_map<std::string, size_t> index_;
  std::vector<Key> keys_;
  std::string key_bytes_;  // the keys in Redis' protocol
  boost::unordered_flat_map<std::string, size_t> channels_;
  std::string channel_bytes_;
  boost::unordered_flat_map<std::string, size_t> shapes_;
  std::string shape_bytes_;
  size_t shape_arguments_ = 0;
  std::vector<std::string> last_names_;  // of last_shape_
  size_t last_shape_ = 0;                // of the operation before that had fields; 0: none
  size_t last_key_ = 1;                  // of the operation before; 1: none
  std::string arguments_;                // operations in Redis' protocol
  size_t argument_count_ = 0;
  size_t operations_ = 0;
  std::string conflict_;
  std::string scratch_;
};

}  // namespace streamutils::redis
