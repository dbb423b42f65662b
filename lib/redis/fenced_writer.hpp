// SPDX-License-Identifier: Apache-2.0
// Chunks to a Redis store for a pipeline under a checkpoint: a SequencedWriter whose chunks move the pipeline's cursor.
//
// Thread rule: one thread at a time.
#pragma once
#include <optional>

#include "lib/redis/chunk_body.hpp"
#include "lib/redis/cursor_ledger.hpp"
#include "lib/redis/sequenced_writer.hpp"

namespace streamutils::redis {

class FencedWriter {
 public:
  FencedWriter(WriterSettings settings, const checkpoint::SinkIdentity& identity, CursorLedger::Expected expected,
               const Clock& clock, Log& log, Commit commit = Commit::epoch)
      : commit_(commit),
        ledger_(settings.url.display(), identity, std::move(expected), commit, log),
        writer_(std::move(settings), ledger_, clock, log) {}

  /// Connects, waiting for the server up to retry_for, and takes the cursor over. Refused (another generation, a cursor
  /// that is not what was expected, a server that may evict it): a usage error with the way out.
  Result<Cursor> fence() {
    STREAM_TRY(writer_.connect());
    return ledger_.cursor();
  }
  /// Sends a body (chunk_body.hpp); waits only while too many are under way. REQUIRES: fence() succeeded.
  Status apply(const Cursor& after, const Cursor& at, std::string_view body) {
    applied_ = at;
    return write(after, at, body);
  }
  /// Waits until the store has confirmed every chunk that apply() was given, for good.
  Status drain() {
    if (commit_ == Commit::now && ledger_.settle(applied_)) STREAM_TRY(writer_.send(empty_body()));
    return writer_.drain();
  }
  /// Sends a body whose epoch is not decided: a later fence() takes it back unless it is applied before. REQUIRES:
  /// Commit::now.
  Status show(const Cursor& after, const Cursor& at, std::string_view body) { return write(after, at, body); }
  /// Waits until the store has confirmed every chunk that show() was given.
  Status flush() { return writer_.drain(); }

  [[nodiscard]] uint64_t reconnects() const { return writer_.reconnects(); }

 private:
  Status write(const Cursor& after, const Cursor& at, std::string_view body) {
    STREAM_ASSIGN(const bool is_new, ledger_.add(after, at));
    return is_new ? writer_.send(body) : Status();
  }

  const Commit commit_;
  Cursor applied_;
  CursorLedger ledger_;
  SequencedWriter writer_;
};

}  // namespace streamutils::redis
