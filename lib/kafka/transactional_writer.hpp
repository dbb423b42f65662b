// SPDX-License-Identifier: Apache-2.0
// Writes groups of records to one topic, each group in one transaction with a note that replaces the last one: both are
// there or neither. The note is kept in a compacted topic of the same cluster, under a key.
//
// Invariants:
//  1. Of the writers with one transactional id only the one whose take_over() was called last can commit; what an
//  earlier
//     one had left open is aborted before take_over() returns, so that nobody who reads committed records waits for it.
//  2. last_note() after take_over() is the note of the last transaction that was ever committed with this id.
//  3. When write() has returned ok, the group and its note are committed. When it has failed, nobody here knows, and
//  the
//     writer is of no use any more: whoever takes over finds out by last_note().
// Thread rule: one thread. While a call waits it asks `abandoned` ten times a second.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/kafka/config.hpp"
#include "lib/stream/context.hpp"

namespace streamutils {

struct KafkaMessage {
  std::string_view value;
  std::optional<std::string_view> key;
};

struct TransactionalSettings {
  std::string topic;
  std::string partitioner = "murmur2_random";
  std::string codec = "none";
  std::string transactional_id;
  std::string note_topic;  ///< made when it is not there
  std::string note_key;
  std::function<bool()> abandoned;  ///< True when waiting has become pointless. Empty: never.
};

class TransactionalWriter {
 public:
  /// Checks the settings; does not connect. On failure: a usage error.
  static Result<std::unique_ptr<TransactionalWriter>> create(KafkaConfig config, TransactionalSettings settings,
                                                             Context& context);
  /// Aborts what is open, for at most a second; closes for at most three.
  ~TransactionalWriter();

  /// Waits for the cluster, at most 10 s; makes the note's topic; then takes the transactional id, waiting at most
  /// message.timeout.ms. Usage errors: the topic does not exist, the note's topic is not compacted or may not be made,
  /// the id or the credentials are refused.
  Status take_over();
  /// REQUIRES: take_over() has succeeded at some time.
  Result<std::optional<std::string>> last_note();
  /// Writes the messages and the note in one transaction and waits until it is committed. What can be tried again is
  /// tried again for message.timeout.ms, which a broker that is killed and comes back may take.
  /// REQUIRES: take_over() succeeded, no call has failed.
  Status write(std::span<const KafkaMessage> messages, std::string_view note);
  /// The last failure was that another writer has our transactional id.
  [[nodiscard]] bool taken_over() const;

  class Impl;

 private:
  explicit TransactionalWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamutils
