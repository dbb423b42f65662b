// SPDX-License-Identifier: Apache-2.0
// The exactly-once side of ssink-kafka: chunks of messages, each in one transaction with the cursor.
//
// Where the cursor stands is a record of a compacted topic on the same cluster: key "<pipeline>/<member>", value
// {"generation":3,"epoch":17,"chunk":2}. Each sink has a topic of its own unless told otherwise: in a shared one an
// open transaction of one sink hides what comes behind it from all others, until it times out if its writer is dead.
//
// The order in fence(), and why:
//  1. Take the transactional id. From here on no earlier producer with it can commit; what it had open is aborted and
//  what
//     it had committed is in the log. So
//  2. read the cursor: it cannot change any more, but by somebody who takes the id after us.
//  3. A later generation in it: we are the zombie, and end with 2. The twin, whose id we took, is refused at its next
//     transaction; it looks at the cursor, finds itself the latest, and ends with 1: its next start takes the id back.
//     A cursor that is lost, set back or ahead ends the start before anything is written.
//  4. Write the cursor with our generation, in a transaction. Somebody who took the id between 1 and 4 makes this fail.
//  If
//     that was an older generation that found nothing later in step 2, it goes on until the next start fences it: all
//     it can write are epochs that were decided before ours began, which that start expects.
// So of all that take the id, whoever commits has read a cursor that is still true.
//
// In apply() the cursor is known from memory: only the holder of the id can change it, and who lost the id cannot
// commit.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/checkpoint/sink.hpp"
#include "lib/kafka/transactional_writer.hpp"
#include "tools/ssink-kafka/options.hpp"

namespace streamutils::ssink_kafka {

/// The value of the cursor's record.
struct CursorNote {
  uint64_t generation = 0;
  Cursor cursor;
  bool operator==(const CursorNote&) const = default;
};
std::string format_note(const CursorNote& note);
/// Empty: it is no such note. Fields it does not know are passed over.
std::optional<CursorNote> parse_note(std::string_view text);

/// "streamutils-cursors.<pipeline>.<member>"
std::string default_cursor_topic(const checkpoint::SinkIdentity& identity);

class FencedWriter {
 public:
  FencedWriter(KafkaConfig config, const Options& options, checkpoint::SinkIdentity identity, Context& context);

  /// TransactionalSink::fence().
  Result<Cursor> fence(const checkpoint::TransactionalSink::Expected& expected);
  /// TransactionalSink::apply(); the chunk is in the topic when it returns ok.
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk);
  [[nodiscard]] int64_t written() const { return written_; }  ///< messages committed

 private:
  Result<Cursor> stands_at(const std::optional<CursorNote>& note,
                           const checkpoint::TransactionalSink::Expected& expected) const;
  Result<std::optional<CursorNote>> read();
  /// Moves the cursor, with messages_.
  Status commit(const Cursor& at);

  KafkaConfig config_;
  TransactionalSettings settings_;
  const checkpoint::SinkIdentity identity_;
  const std::string place_;
  Context& context_;
  std::unique_ptr<TransactionalWriter> writer_;
  Cursor cursor_;
  std::vector<KafkaMessage> messages_;
  int64_t written_ = 0;
};

}  // namespace streamutils::ssink_kafka
