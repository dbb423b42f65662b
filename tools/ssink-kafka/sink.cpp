// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-kafka/sink.hpp"

#include <charconv>

#include "lib/json/text.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::ssink_kafka {
namespace {

constexpr Duration kLookInterval{100'000};  // how late a failed delivery may be noticed while no input comes
constexpr uint32_t kStateVersion = 1;

size_t message_limit(const KafkaConfig& config) {
  const std::string_view text = config.get("message.max.bytes");
  size_t limit = 1'000'000;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit;
}

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
  STREAM_ASSIGN(std::unique_ptr<KafkaProducer> producer, KafkaProducer::create(config, options.producer, context));
  return std::unique_ptr<Sink>(
      new Sink(std::move(producer), std::move(config), std::move(options), std::move(fields), context));
}

Sink::Sink(std::unique_ptr<KafkaProducer> producer, KafkaConfig config, Options options, std::optional<FieldSet> fields,
           Context& context)
    : producer_(std::move(producer)),
      config_(std::move(config)),
      options_(std::move(options)),
      context_(context),
      acknowledged_(context.metrics.counter("stream_kafka_acknowledged_total", "Records that Kafka has acknowledged.")),
      fields_(std::move(fields)),
      max_bytes_(message_limit(config_)) {
  if (fields_) parser_.emplace(*fields_);
}

// A missing topic is told at once, not when the first late record comes.
Status Sink::on_open(Open& open, Output& out) {
  if (!spooling()) STREAM_TRY(producer_->connect());
  return out.control(open);
}

Status Sink::on_records(const Batch& batch, Output& out) {
  if (!spooling()) STREAM_TRY(producer_->connect());
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
    STREAM_TRY(write(batch.record(i)));
  }
  return spooling() ? Status() : producer_->poll();
}

Status Sink::write(std::string_view record) {
  if (!spooling()) return producer_->produce(record, key_);
  if (record.size() + (key_ ? key_->size() : 0) > max_bytes_) {
    return failed(
        "a record of {} bytes is too large for topic '{}'; raise '-X message.max.bytes' and the topic's "
        "max.message.bytes",
        record.size(), options_.producer.topic);
  }
  chunk_.add({record, key_});
  return chunk_.full() ? cut() : Status();
}

Status Sink::cut() {
  if (chunk_.empty()) return {};
  STREAM_TRY(take_(chunk_.bytes()));
  chunk_.clear();
  return {};
}

Result<Cursor> Sink::fence(const checkpoint::SinkIdentity& identity, const Expected& expected) {
  writer_.emplace(config_, options_, identity, context_);
  return writer_->fence(expected);
}

Status Sink::apply(const Cursor& after, const Cursor& at, std::string_view chunk) {
  if (!writer_) return failed("nothing may be written before the sink is fenced");
  STREAM_TRY(writer_->apply(after, at, chunk));
  acknowledged_.set(static_cast<double>(writer_->written()));
  return {};
}

Status Sink::snapshot(StateWriter& out) const {
  out.u32(kStateVersion);
  return {};
}

Status Sink::restore(StateReader& in) {
  const uint32_t version = in.u32();
  if (in.ok() && version != kStateVersion) {
    return usage_error("the state has form {}, which this version of ssink-kafka does not know", version);
  }
  return in.status("ssink-kafka");
}

bool Sink::read_key(std::string_view record, ParseError& error) {
  error = parser_->parse(record, values_);
  if (error != ParseError::none) return false;
  key_bytes_.clear();
  key_ = append_key(key_bytes_, values_[0]) ? std::optional<std::string_view>(key_bytes_) : std::nullopt;
  return true;
}

Status Sink::on_end(const End& item, Output& out) {
  if (spooling()) {
    context_.log.info("{} records written to topic '{}' in transactions", writer_ ? writer_->written() : 0,
                      options_.producer.topic);
    return out.control(item);
  }
  STREAM_TRY(producer_->connect());  // an empty input, too, proves that the topic is there
  STREAM_TRY(producer_->flush());
  acknowledged_.set(static_cast<double>(producer_->acknowledged()));
  context_.log.info("{} records written to topic '{}'", producer_->acknowledged(), options_.producer.topic);
  return out.control(item);
}

// What was produced leaves by itself within linger.ms; only its acknowledgements have to be looked for.
Status Sink::on_quiet(Output&) {
  if (spooling()) return {};
  next_look_ = context_.clock.mono() + kLookInterval;
  STREAM_TRY(producer_->poll());
  acknowledged_.set(static_cast<double>(producer_->acknowledged()));
  return {};
}

std::optional<MonoTime> Sink::deadline() const {
  if (spooling() || producer_->idle()) return std::nullopt;
  return next_look_;
}

Status Sink::on_deadline(Output& out) { return on_quiet(out); }

}  // namespace streamutils::ssink_kafka
