// SPDX-License-Identifier: Apache-2.0
// The properties of a Kafka client: our defaults, those of -F and -X with kcat's meanings, and those our contract
// fixes.
//
// Thread rule: a value; read-only once created.
//
// Invariants:
//  1. Every property was accepted by librdkafka when create() returned.
//  2. No property loads code or runs a command, unless allow_unsafe.
//  3. No error text and no dump holds the value of a secret.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/status.hpp"
#include "lib/cli/cli.hpp"

struct rd_kafka_conf_s;

namespace streamutils {

struct KafkaOptions {
  std::string brokers;                  ///< -b; empty: bootstrap.servers of the properties, else localhost
  std::string file;                     ///< -F: lines of key=value
  std::vector<std::string> properties;  ///< -X: key=value, after the file's
  bool allow_unsafe = false;
};

/// Declares -b, -X, -F and --allow-unsafe-config.
void declare_kafka_options(cli::Cli& cli, KafkaOptions& options);

class KafkaConfig {
 public:
  enum class Role : unsigned char { consumer, producer };

  /// Reads and checks everything but does not connect. On failure a usage error that names the property, or a failed
  /// read of the file.
  static Result<KafkaConfig> create(const KafkaOptions& options, Role role);

  /// Sets a property by ourselves. On failure a usage error that begins with `option`, which the user gave it by.
  Status set(std::string_view option, std::string key, std::string value);

  /// The same cluster and credentials for a consumer that reads committed records and keeps no offsets.
  [[nodiscard]] KafkaConfig reader() const;

  [[nodiscard]] const std::string& brokers() const { return brokers_; }
  /// The value of a property that was set by anybody; empty when it was not.
  [[nodiscard]] std::string_view get(std::string_view key) const;
  /// -X dump was given: print dump() and exit.
  [[nodiscard]] bool dump_requested() const { return dump_requested_; }
  /// Every property in force as "key = value" lines, sorted; secrets as "[redacted]".
  [[nodiscard]] Result<std::string> dump() const;
  /// What the user should be told before the work starts.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  [[nodiscard]] Role role() const { return role_; }

  /// For lib/kafka: a new rd_kafka_conf_t with these properties; the caller owns it.
  [[nodiscard]] Result<rd_kafka_conf_s*> build() const;

  static bool is_secret(std::string_view key);

 private:
  explicit KafkaConfig(Role role) : role_(role) {}
  Status read_file(const std::string& path, bool allow_unsafe);
  Status add(std::string_view where, std::string_view property, bool allow_unsafe);
  Status check(std::string_view where, const std::string& key, const std::string& value) const;

  Role role_;
  std::string brokers_;
  std::vector<std::pair<std::string, std::string>> properties_;  // in order of setting: later ones win
  std::vector<std::string> warnings_;
  bool dump_requested_ = false;
};

}  // namespace streamutils
