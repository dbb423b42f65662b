// SPDX-License-Identifier: Apache-2.0
// Chunks to a Redis store, each applied exactly once and in order, across lost connections and restarts of the server.
//
// Every chunk is one script call that also moves a sequence or a cursor in the store, as its ledger says. Several are
// under way at a time. When a reply is lost, the writer connects again, reads back how far the store has come and sends
// only what follows.
// Invariants:
//  1. A chunk's bytes are kept until the store has confirmed it.
//  2. A store that confirmed a chunk and no longer knows it ends the writer with an error: it is never written on.
// Thread rule: one thread at a time.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "lib/base/clock.hpp"
#include "lib/base/log.hpp"
#include "lib/redis/connection.hpp"
#include "lib/redis/ledger.hpp"

namespace streamutils::redis {

struct WriterSettings {
  Url url;
  Duration retry_for{60'000'000};
  size_t chunks_in_flight = 8;
  /// Asked while the store is away: true when waiting has become pointless.
  std::function<bool()> neighbour_died;
};

class SequencedWriter {
 public:
  /// All live as long as this.
  SequencedWriter(WriterSettings settings, Ledger& ledger, const Clock& clock, Log& log);

  /// Connects, waiting for the server up to retry_for. Wrong credentials or rights are usage errors.
  Status connect();
  /// Takes the next chunk, a body of chunk_body.hpp, and sends what can be sent now; waits only while too many chunks
  /// are under way. REQUIRES: connect() succeeded. A chunk without effects renews the sequence's life.
  Status send(std::string_view body);
  /// Waits until the store has confirmed every chunk.
  Status drain();

  [[nodiscard]] uint64_t reconnects() const { return reconnects_; }
  [[nodiscard]] uint64_t chunks() const { return next_number_ - 1; }
  [[nodiscard]] bool idle() const { return chunks_.empty(); }
  /// When the store last confirmed something.
  [[nodiscard]] MonoTime last_confirmed() const { return last_confirmed_; }

 private:
  struct Pending {
    uint64_t number;
    std::string bytes;
  };

  Status work_until(size_t most_left);
  /// Sends and receives what goes without waiting. An ok status with !connection_: it was lost.
  Status pump(bool& progress);
  Status take_reply(const Reply& reply);
  Status take_problem(const Reply& reply);
  void confirm(uint64_t number);
  void lose(std::string reason);
  Status reconnect();
  /// One try; an empty optional is success, a text the reason to try again.
  using Problem = std::optional<std::string>;
  Result<Problem> try_connect(Duration within);
  Result<Problem> handshake(Duration within);
  /// Sends commands and hands over their replies as they come.
  Result<Problem> exchange(std::string_view commands, size_t replies, MonoTime limit,
                           const std::function<Result<Problem>(size_t, Reply&)>& take);
  Result<Problem> take_error(Reply& reply) const;
  Status pause(Duration duration);
  [[nodiscard]] std::string unconfirmed() const;
  Status neighbour_gone() const;
  [[nodiscard]] Duration patience_left() const;

  WriterSettings settings_;
  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  std::string place_;
  std::optional<Connection> connection_;
  std::string sha_;
  std::deque<Pending> chunks_;  // not confirmed
  std::string spare_;           // the bytes of a confirmed chunk, for their capacity
  std::string first_, second_;  // what the ledger says of a chunk
  size_t sending_ = 0;          // chunks_[sending_] goes out next, from byte sent_bytes_ on
  size_t sent_bytes_ = 0;
  uint64_t next_number_ = 1;
  uint64_t confirmed_ = 0;
  uint64_t reconnects_ = 0;
  bool was_connected_ = false;
  std::optional<MonoTime> away_since_;
  std::string away_reason_;
  Duration backoff_;
  MonoTime last_progress_;
  MonoTime last_confirmed_;
};

}  // namespace streamutils::redis
