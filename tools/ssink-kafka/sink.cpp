// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-kafka/sink.hpp"

#include "lib/json/text.hpp"

namespace streamutils::ssink_kafka {
namespace {

constexpr Duration kLookInterval{100'000};  // how late a failed delivery may be noticed while no input comes

}  // namespace

bool append_key(std::string& out, const JsonValue& value) {
  switch (value.type) {
    case JsonType::missing:
    case JsonType::null:
      return false;
    case JsonType::string:
      value.escaped ? append_unescaped(out, value.string_body()) : static_cast<void>(out += value.string_body());
      return true;
    default:
      if (!append_canonical(out, value)) append_minified(out, value.raw);
      return true;
  }
}

Result<std::unique_ptr<Sink>> Sink::create(KafkaConfig config, Options options, Context& context) {
  std::optional<FieldSet> fields;
  if (options.key) {
    fields.emplace();
    Result<size_t> slot = fields->add(*options.key);
    if (!slot.ok()) return slot.take_status().at("--key");
  }
  const std::string topic = options.producer.topic;
  STREAM_ASSIGN(std::unique_ptr<KafkaProducer> producer,
                KafkaProducer::create(std::move(config), std::move(options.producer), context));
  return std::unique_ptr<Sink>(new Sink(std::move(producer), topic, std::move(fields), context));
}

Sink::Sink(std::unique_ptr<KafkaProducer> producer, std::string topic, std::optional<FieldSet> fields, Context& context)
    : producer_(std::move(producer)),
      topic_(std::move(topic)),
      context_(context),
      acknowledged_(context.metrics.counter("stream_kafka_acknowledged_total", "Records that Kafka has acknowledged.")),
      fields_(std::move(fields)) {
  if (fields_) parser_.emplace(*fields_);
}

// A missing topic is told at once, not when the first late record comes.
Status Sink::on_open(Open& open, Output& out) {
  STREAM_TRY(producer_->connect());
  return out.control(open);
}

Status Sink::on_records(const Batch& batch, Output& out) {
  STREAM_TRY(producer_->connect());
  for (size_t i = 0; i < batch.size(); ++i) {
    ParseError error = ParseError::none;
    if (parser_ && !read_key(batch.record(i), error)) {
      SideRecord side;
      side.label = "invalid";
      side.reason = reason(error);
      side.unit = batch.unit;
      side.offset = batch.offset(i);
      side.record = batch.record(i);
      STREAM_TRY(out.control(side));
      continue;
    }
    STREAM_TRY(producer_->produce(batch.record(i), key_));
  }
  return producer_->poll();
}

bool Sink::read_key(std::string_view record, ParseError& error) {
  error = parser_->parse(record, values_);
  if (error != ParseError::none) return false;
  key_bytes_.clear();
  key_ = append_key(key_bytes_, values_[0]) ? std::optional<std::string_view>(key_bytes_) : std::nullopt;
  return true;
}

Status Sink::on_end(const End& item, Output& out) {
  STREAM_TRY(producer_->connect());  // an empty input, too, proves that the topic is there
  STREAM_TRY(producer_->flush());
  acknowledged_.set(static_cast<double>(producer_->acknowledged()));
  context_.log.info("{} records written to topic '{}'", producer_->acknowledged(), topic_);
  return out.control(item);
}

// What was produced leaves by itself within linger.ms; only its acknowledgements have to be looked for.
Status Sink::on_quiet(Output&) {
  next_look_ = context_.clock.mono() + kLookInterval;
  STREAM_TRY(producer_->poll());
  acknowledged_.set(static_cast<double>(producer_->acknowledged()));
  return {};
}

std::optional<MonoTime> Sink::deadline() const {
  if (producer_->idle()) return std::nullopt;
  return next_look_;
}

Status Sink::on_deadline(Output& out) { return on_quiet(out); }

}  // namespace streamutils::ssink_kafka
