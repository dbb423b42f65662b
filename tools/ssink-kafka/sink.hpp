// SPDX-License-Identifier: Apache-2.0
// The operator of ssink-kafka: each record of the main stream becomes one message.
//
// Invariants:
//  1. on_end() succeeds only when every record was acknowledged.
//  2. A record whose key cannot be read because it is not JSON goes on as a side record `invalid`; it is not written.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/json/record_parser.hpp"
#include "lib/kafka/producer.hpp"
#include "lib/stream/operator.hpp"
#include "tools/ssink-kafka/options.hpp"

namespace streamutils::ssink_kafka {

class Sink final : public Operator {
 public:
  static Result<std::unique_ptr<Sink>> create(KafkaConfig config, Options options, Context& context);

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  Status on_deadline(Output& out) override;

 private:
  Sink(std::unique_ptr<KafkaProducer> producer, std::string topic, std::optional<FieldSet> key, Context& context);
  /// Sets key_; false when the record is not JSON, with the reason in `error`.
  bool read_key(std::string_view record, ParseError& error);

  std::unique_ptr<KafkaProducer> producer_;
  const std::string topic_;
  Context& context_;
  Metric& acknowledged_;
  std::optional<FieldSet> fields_;
  std::optional<RecordParser> parser_;
  std::vector<JsonValue> values_{1};
  std::string key_bytes_;
  std::optional<std::string_view> key_;
  MonoTime next_look_;
};

/// The key of a message as bytes: a string unescaped, another scalar canonical, an array or object minified. False: no
/// key.
bool append_key(std::string& out, const JsonValue& value);

}  // namespace streamutils::ssink_kafka
