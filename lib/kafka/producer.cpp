// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/producer.hpp"

#include "lib/kafka/client.hpp"
#include "lib/kafka/metadata.hpp"
#include "lib/kafka/task.hpp"

namespace streamutils {
namespace {

constexpr int kPatienceMs = 100;
constexpr Duration kCloseBound{3'000'000};
constexpr int kLastChanceMs = 1000;

}  // namespace

class KafkaProducer::Impl final : private kafka::ClientEvents {
 public:
  Impl(KafkaConfig config, KafkaProducerSettings settings, Context& context)
      : config_(std::move(config)), settings_(std::move(settings)), context_(context) {}

  ~Impl() override {
    if (!client_) return;
    if (!idle() && failure_.ok() && !given_up_) rd_kafka_flush(client_->get(), kLastChanceMs);
    client_->detach();
    rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    topic_.reset();
    kafka::Client::close(std::move(client_), false, nullptr, kCloseBound);
  }

  Status connect() {
    if (topic_) return {};
    STREAM_ASSIGN(client_, kafka::Client::create(config_, *this, context_.log));
    using Topics = Result<std::vector<kafka::Topic>>;
    const Duration bound = kafka::connect_bound(config_);
    std::optional<Topics> topics = kafka::run_task<Topics>(
        client_,
        [name = settings_.topic, bound](kafka::Client& client) {
          return kafka::fetch_topics(client, {name}, bound, false);
        },
        settings_.abandoned);
    if (!topics) return kafka::abandoned_status();
    if (!topics->ok()) return topics->take_status();
    topic_.reset(rd_kafka_topic_new(client_->get(), settings_.topic.c_str(), nullptr));
    if (!topic_) return failed("cannot use topic '{}': {}", settings_.topic, kafka::error_text(rd_kafka_last_error()));
    return {};
  }

  Status produce(std::string_view value, std::optional<std::string_view> key) {
    while (true) {
      STREAM_TRY(failure_.clone());
      // A key of no bytes is a key, and librdkafka takes a null pointer for none.
      const char* key_bytes = !key ? nullptr : key->empty() ? "" : key->data();
      const int result =
          rd_kafka_produce(topic_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                           value.size(), key_bytes, key ? key->size() : 0, nullptr);
      if (result == 0) {
        ++produced_;
        if (produced_ % 1024 == 0) rd_kafka_poll(client_->get(), 0);
        return {};
      }
      const rd_kafka_resp_err_t error = rd_kafka_last_error();
      if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        return failed(
            "a record of {} bytes is too large for topic '{}'; raise '-X message.max.bytes' and the topic's "
            "max.message.bytes",
            value.size(), settings_.topic);
      }
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return cannot_write(kafka::error_text(error));
      STREAM_TRY(wait());
    }
  }

  Status poll() {
    if (client_) {
      rd_kafka_poll(client_->get(), 0);
      STREAM_TRY(client_->trouble());
    }
    return failure_.clone();
  }

  Status flush() {
    while (!idle()) {
      // Not rd_kafka_flush(): it would not let go before its time-out when a delivery has failed.
      rd_kafka_flush(client_->get(), 1);
      STREAM_TRY(failure_.clone());
      if (!idle()) STREAM_TRY(wait());
    }
    return failure_.clone();
  }

  [[nodiscard]] bool idle() const { return reported_ == produced_; }
  [[nodiscard]] int64_t acknowledged() const { return acknowledged_; }

 private:
  Status wait() {
    rd_kafka_poll(client_->get(), kPatienceMs);
    STREAM_TRY(client_->trouble());
    STREAM_TRY(failure_.clone());
    if (!abandoned()) return {};
    given_up_ = true;
    return kafka::abandoned_status();
  }

  [[nodiscard]] bool abandoned() const { return settings_.abandoned && settings_.abandoned(); }

  [[nodiscard]] Status cannot_write(std::string_view why) const {
    return failed("cannot write to topic '{}' at '{}': {}", settings_.topic, config_.brokers(), why);
  }

  void on_delivery(const rd_kafka_message_t& message) override {
    ++reported_;
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++acknowledged_;
      if (disconnected_) context_.log.warn("connected to Kafka at '{}' again", config_.brokers());
      disconnected_ = false;
      return;
    }
    if (!failure_.ok()) return;
    std::string why(kafka::error_text(message.err));
    if (message.err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) {
      why = fmt::format("not acknowledged within {} ms (message.timeout.ms)", config_.get("message.timeout.ms"));
      if (!last_reason_.empty()) why += "; last trouble: " + last_reason_;
    }
    failure_ = cannot_write(why);
  }

  void on_disconnect(std::string_view reason) override {
    last_reason_ = std::string(reason);
    if (!topic_ || disconnected_) return;
    disconnected_ = true;
    context_.log.warn("lost Kafka at '{}': {}; trying again", config_.brokers(), reason);
  }

  KafkaConfig config_;
  const KafkaProducerSettings settings_;
  Context& context_;
  std::shared_ptr<kafka::Client> client_;
  kafka::TopicPtr topic_;
  int64_t produced_ = 0;
  int64_t reported_ = 0;
  int64_t acknowledged_ = 0;
  bool disconnected_ = false;
  bool given_up_ = false;
  std::string last_reason_;
  Status failure_;
};

KafkaProducer::KafkaProducer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaProducer::~KafkaProducer() = default;

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::create(KafkaConfig config, KafkaProducerSettings settings,
                                                             Context& context) {
  STREAM_TRY(kafka::check_topic_name(settings.topic));
  STREAM_TRY(config.set("--partitioner", "partitioner", settings.partitioner));
  STREAM_TRY(config.set("-z", "compression.codec", settings.codec));
  for (const std::string& warning : config.warnings()) context.log.warn("{}", warning);
  return std::unique_ptr<KafkaProducer>(
      new KafkaProducer(std::make_unique<Impl>(std::move(config), std::move(settings), context)));
}

Status KafkaProducer::connect() { return impl_->connect(); }
Status KafkaProducer::produce(std::string_view value, std::optional<std::string_view> key) {
  return impl_->produce(value, key);
}
Status KafkaProducer::poll() { return impl_->poll(); }
Status KafkaProducer::flush() { return impl_->flush(); }
bool KafkaProducer::idle() const { return impl_->idle(); }
int64_t KafkaProducer::acknowledged() const { return impl_->acknowledged(); }

}  // namespace streamutils
