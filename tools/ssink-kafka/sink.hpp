// SPDX-License-Identifier: Apache-2.0
// The operator of ssink-kafka: each record of the main stream becomes one message, at once, or, after spool_to(), as
// part of a chunk that is written later in one transaction. It remembers nothing from record to record but the chunk.
//
// Invariants:
//  1. on_end() succeeds only when every record was acknowledged, or is in a chunk that was given away.
//  2. A record whose key cannot be read because it is not JSON goes on as a side record `invalid`; it is not written.
//  3. A record that is too large for the producer fails before it is in a chunk: a chunk can be written.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/checkpoint/sink.hpp"
#include "lib/json/record_parser.hpp"
#include "lib/kafka/producer.hpp"
#include "tools/ssink-kafka/chunk.hpp"
#include "tools/ssink-kafka/cursor.hpp"
#include "tools/ssink-kafka/options.hpp"

namespace streamutils::ssink_kafka {

class Sink final : public checkpoint::TransactionalSink {
 public:
  static Result<std::unique_ptr<Sink>> create(KafkaConfig config, Options options, Context& context);

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  Status on_deadline(Output& out) override;

  [[nodiscard]] bool stateful() const override { return true; }
  Status snapshot(StateWriter& out) const override;
  Status restore(StateReader& in) override;

  void spool_to(TakeChunk take) override { take_ = std::move(take); }
  Status cut() override;
  Result<Cursor> fence(const checkpoint::SinkIdentity& identity, const Expected& expected) override;
  Status apply(const Cursor& after, const Cursor& at, std::string_view chunk) override;
  Status drain() override { return {}; }  // apply() waits

 private:
  Sink(std::unique_ptr<KafkaProducer> producer, KafkaConfig config, Options options, std::optional<FieldSet> key,
       Context& context);
  [[nodiscard]] bool spooling() const { return static_cast<bool>(take_); }
  Status write(std::string_view record);
  /// Sets key_; false when the record is not JSON, with the reason in `error`.
  bool read_key(std::string_view record, ParseError& error);

  std::unique_ptr<KafkaProducer> producer_;  // unless spooling()
  const KafkaConfig config_;
  const Options options_;
  Context& context_;
  Metric& acknowledged_;
  std::optional<FieldSet> fields_;
  std::optional<RecordParser> parser_;
  std::vector<JsonValue> values_{1};
  std::string key_bytes_;
  std::optional<std::string_view> key_;
  MonoTime next_look_;
  TakeChunk take_;
  ChunkWriter chunk_;
  size_t max_bytes_;  // of a message
  std::optional<FencedWriter> writer_;
};

/// The key of a message as bytes: a string unescaped, another scalar canonical, an array or object minified. False: no
/// key.
bool append_key(std::string& out, const JsonValue& value);

}  // namespace streamutils::ssink_kafka
