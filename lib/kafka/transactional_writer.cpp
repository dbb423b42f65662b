// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/transactional_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>

#include "lib/kafka/client.hpp"
#include "lib/kafka/cursor_topic.hpp"
#include "lib/kafka/metadata.hpp"
#include "lib/kafka/task.hpp"

namespace streamutils {
namespace {

using kafka::Client;
using kafka::ErrorPtr;

constexpr int kPatienceMs = 100;
constexpr int kLastChanceMs = 1000;
constexpr Duration kCloseBound{3'000'000};

/// What librdkafka tells. Its calls that wait run on threads of their own and serve callbacks there, and such a thread
/// may outlive the writer: the owner of this is shared with it.
class Events final : public kafka::ClientEvents {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    outstanding_ = 0;
    failure_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  void produced() {
    const std::lock_guard lock(mutex_);
    ++outstanding_;
  }
  [[nodiscard]] bool idle() {
    const std::lock_guard lock(mutex_);
    return outstanding_ <= 0;
  }
  /// The first delivery that failed since begin().
  [[nodiscard]] rd_kafka_resp_err_t failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  [[nodiscard]] std::string trouble() {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }
  void all_is_well() {
    const std::lock_guard lock(mutex_);
    trouble_.clear();
  }

 private:
  void on_delivery(const rd_kafka_message_t& message) override {
    const std::lock_guard lock(mutex_);
    --outstanding_;
    if (failure_ == RD_KAFKA_RESP_ERR_NO_ERROR) failure_ = message.err;
  }
  void on_disconnect(std::string_view reason) override {
    const std::lock_guard lock(mutex_);
    trouble_ = reason.empty() ? "no broker answers" : std::string(reason);
  }

  std::mutex mutex_;
  int64_t outstanding_ = 0;
  rd_kafka_resp_err_t failure_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string trouble_;
};

/// Trying again would end the same way.
bool is_final(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      return true;
    default:
      return false;
  }
}

bool is_takeover(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__FENCED || error == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

int64_t milliseconds(const KafkaConfig& config, std::string_view key, int64_t otherwise) {
  const std::string_view text = config.get(key);
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

}  // namespace

class TransactionalWriter::Impl {
 public:
  Impl(KafkaConfig config, KafkaConfig reader, TransactionalSettings settings, Duration patience, Context& context)
      : config_(std::move(config)),
        reader_(std::move(reader)),
        settings_(std::move(settings)),
        patience_(patience),
        context_(context) {}

  ~Impl() {
    if (!client_) return;
    client_->detach();
    if (open_ && !busy_ && !taken_over_) {  // readers need not wait for the time-out
      const ErrorPtr ignored(rd_kafka_abort_transaction(client_->get(), kLastChanceMs));
    }
    topic_.reset();
    note_topic_.reset();
    Client::close(std::move(client_), false, nullptr, kCloseBound);
  }

  Status take_over() {
    STREAM_ASSIGN(client_, Client::create(config_, *events_, context_.log));
    const Duration bound = kafka::connect_bound(config_);
    std::optional<Status> found = run<Status>([bound, topic = settings_.topic, note = settings_.note_topic](Client& c) {
      const auto topics = kafka::fetch_topics(c, {topic}, bound, false);
      return topics.ok() ? kafka::ensure_compacted_topic(c, note, bound) : topics.status().clone();
    });
    if (!found) return kafka::abandoned_status();
    STREAM_TRY(std::move(*found));
    topic_.reset(rd_kafka_topic_new(client_->get(), settings_.topic.c_str(), nullptr));
    note_topic_.reset(rd_kafka_topic_new(client_->get(), settings_.note_topic.c_str(), nullptr));
    if (!topic_ || !note_topic_) {
      return failed("cannot use topic '{}': {}", settings_.topic, kafka::error_text(rd_kafka_last_error()));
    }
    const MonoTime give_up = context_.clock.mono() + patience_;
    while (true) {
      std::optional<ErrorPtr> error = call(rd_kafka_init_transactions);
      if (!error) return kafka::abandoned_status();
      if (!*error) return {};
      if (rd_kafka_error_is_retriable(error->get()) != 0 && context_.clock.mono() < give_up) continue;
      return cannot_take_over(**error);
    }
  }

  Result<std::optional<std::string>> last_note() {
    return kafka::read_last_value(reader_,
                                  {.topic = settings_.note_topic,
                                   .key = settings_.note_key,
                                   .patience = patience_,
                                   .abandoned = settings_.abandoned},
                                  context_.clock, context_.log);
  }

  Status write(std::span<const KafkaMessage> messages, std::string_view note) {
    give_up_ = context_.clock.mono() + patience_;
    while (true) {
      STREAM_ASSIGN(const bool committed, try_write(messages, note));
      if (committed) return {};
    }
  }

  [[nodiscard]] bool taken_over() const { return taken_over_; }

 private:
  /// False: it was aborted and may be tried again.
  Result<bool> try_write(std::span<const KafkaMessage> messages, std::string_view note) {
    events_->begin();
    if (const ErrorPtr error(rd_kafka_begin_transaction(client_->get())); error) return lost(*error, "begin");
    open_ = true;
    rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; i < messages.size() && refused == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      STREAM_ASSIGN(refused, produce(topic_.get(), RD_KAFKA_PARTITION_UA, messages[i].value, messages[i].key));
    }
    if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) {
      STREAM_ASSIGN(refused, produce(note_topic_.get(), 0, note, settings_.note_key));
    }
    if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) {
      STREAM_TRY(deliver());
      refused = events_->failure();
    }
    if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) return commit(note);
    STREAM_TRY(abort());
    return again_after(refused, "");
  }

  /// What librdkafka says; a status only when waiting for room was given up.
  Result<rd_kafka_resp_err_t> produce(rd_kafka_topic_t* topic, int32_t partition, std::string_view value,
                                      std::optional<std::string_view> key) {
    while (true) {
      // A key of no bytes is a key, and librdkafka takes a null pointer for none.
      const char* key_bytes = !key ? nullptr : key->empty() ? "" : key->data();
      if (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()), value.size(),
                           key_bytes, key ? key->size() : 0, nullptr) == 0) {
        events_->produced();
        return RD_KAFKA_RESP_ERR_NO_ERROR;
      }
      const rd_kafka_resp_err_t error = rd_kafka_last_error();
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return error;
      rd_kafka_poll(client_->get(), kPatienceMs);
      STREAM_TRY(look_around());
    }
  }

  /// Until every message is acknowledged or has failed.
  Status deliver() {
    while (!events_->idle()) {
      rd_kafka_flush(client_->get(), kPatienceMs);
      if (fatal_error() != RD_KAFKA_RESP_ERR_NO_ERROR) return {};  // what is to be done next says so
      STREAM_TRY(look_around());
    }
    return {};
  }

  Result<bool> commit(std::string_view note) {
    while (true) {
      std::optional<ErrorPtr> answer = call(rd_kafka_commit_transaction);
      if (!answer) return kafka::abandoned_status();
      if (!*answer) {
        open_ = false;
        if (lost_said_) context_.log.warn("connected to Kafka at '{}' again", config_.brokers());
        lost_said_ = false;
        events_->all_is_well();
        return true;
      }
      const rd_kafka_error_t& error = **answer;
      if (rd_kafka_error_is_fatal(&error) != 0) return lost(error, "commit");
      if (rd_kafka_error_txn_requires_abort(&error) != 0) {
        STREAM_TRY(abort());
        // The answer to a commit may have been lost, and the abort then have found nothing to do.
        Result<std::optional<std::string>> last = last_note();
        if (!last.ok()) return last.take_status();
        if (*last == note) return true;
        return again_after(rd_kafka_error_code(&error), rd_kafka_error_string(&error));
      }
      if (rd_kafka_error_is_retriable(&error) == 0 || context_.clock.mono() >= give_up_) {
        return lost(error, "commit");
      }
    }
  }

  Status abort() {
    while (true) {
      std::optional<ErrorPtr> answer = call(rd_kafka_abort_transaction);
      if (!answer) return kafka::abandoned_status();
      if (!*answer) {
        open_ = false;
        return {};
      }
      const rd_kafka_error_t& error = **answer;
      if (rd_kafka_error_is_fatal(&error) != 0 || rd_kafka_error_is_retriable(&error) == 0 ||
          context_.clock.mono() >= give_up_) {
        return lost(error, "abort");
      }
    }
  }

  /// After an abort because of `error`: ok (false) when it is worth another try.
  Result<bool> again_after(rd_kafka_resp_err_t error, std::string_view text) {
    const std::string why(text.empty() ? kafka::error_text(error) : text);
    if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      return failed("a record is too large for topic '{}'; raise its max.message.bytes", settings_.topic);
    }
    if (error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) {
      const std::string trouble = events_->trouble();
      return cannot_write(fmt::format("not acknowledged within {} ms (message.timeout.ms){}", patience_.us / 1000,
                                      trouble.empty() ? "" : "; last trouble: " + trouble));
    }
    if (is_final(error) || context_.clock.mono() >= give_up_) return cannot_write(why);
    context_.log.warn("a transaction on topic '{}' was aborted: {}; trying again", settings_.topic, why);
    rd_kafka_poll(client_->get(), kPatienceMs);
    STREAM_TRY(look_around());
    return false;
  }

  /// A call that waits, on a thread of its own: it goes on while we look around. Empty: given up.
  std::optional<ErrorPtr> call(rd_kafka_error_t* (*function)(rd_kafka_t*, int)) {
    // -1, the rest of the transaction's time: other bounds confuse librdkafka when a request fails.
    return run<ErrorPtr>([function](Client& client) { return ErrorPtr(function(client.get(), -1)); });
  }

  template <class T>
  std::optional<T> run(std::function<T(Client&)> work) {
    busy_ = true;
    std::optional<T> result = kafka::run_task<T>(
        client_, [work = std::move(work), events = events_](Client& client) { return work(client); },
        [this] { return !look_around().ok(); });
    busy_ = !result;
    return result;
  }

  Status look_around() {
    if (const std::string trouble = events_->trouble(); open_ && !trouble.empty() && !lost_said_) {
      lost_said_ = true;
      context_.log.warn("lost Kafka at '{}': {}; trying again", config_.brokers(), trouble);
    }
    return settings_.abandoned && settings_.abandoned() ? kafka::abandoned_status() : Status();
  }

  [[nodiscard]] rd_kafka_resp_err_t fatal_error() const { return rd_kafka_fatal_error(client_->get(), nullptr, 0); }

  Status lost(const rd_kafka_error_t& error, std::string_view what) {
    taken_over_ = is_takeover(fatal_error()) || is_takeover(rd_kafka_error_code(&error));
    if (taken_over_) {
      return failed(
          "another producer with our transactional id '{}' took over, or the transaction outlived "
          "transaction.timeout.ms; the next start goes on from where this one came to",
          settings_.transactional_id);
    }
    return failed("cannot {} a transaction on topic '{}' at '{}': {}", what, settings_.topic, config_.brokers(),
                  rd_kafka_error_string(&error));
  }

  Status cannot_take_over(const rd_kafka_error_t& error) {
    switch (rd_kafka_error_code(&error)) {
      case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return usage_error(
            "not authorized for transactional id '{}' at '{}': allow Write and Describe on ids that begin "
            "with 'streamutils-'",
            settings_.transactional_id, config_.brokers());
      case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
        return usage_error("-X transaction.timeout.ms is above transaction.max.timeout.ms of the broker at '{}'",
                           config_.brokers());
      case RD_KAFKA_RESP_ERR__TIMED_OUT:
        STREAM_TRY(client_->unreachable());
        [[fallthrough]];
      default:
        return lost(error, "prepare");
    }
  }

  [[nodiscard]] Status cannot_write(std::string_view why) const {
    return failed("cannot write to topic '{}' at '{}': {}", settings_.topic, config_.brokers(), why);
  }

  const KafkaConfig config_, reader_;
  const TransactionalSettings settings_;
  const Duration patience_;
  Context& context_;
  const std::shared_ptr<Events> events_ = std::make_shared<Events>();
  std::shared_ptr<Client> client_;
  kafka::TopicPtr topic_, note_topic_;
  MonoTime give_up_;
  bool open_ = false;  // a transaction is
  bool busy_ = false;  // a call goes on that was given up
  bool lost_said_ = false;
  bool taken_over_ = false;
};

TransactionalWriter::TransactionalWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TransactionalWriter::~TransactionalWriter() = default;

Result<std::unique_ptr<TransactionalWriter>> TransactionalWriter::create(KafkaConfig config,
                                                                         TransactionalSettings settings,
                                                                         Context& context) {
  STREAM_TRY(kafka::check_topic_name(settings.topic));
  STREAM_TRY(kafka::check_topic_name(settings.note_topic));
  KafkaConfig reader = config.reader();
  STREAM_TRY(config.set("--checkpoint", "transactional.id", settings.transactional_id));
  STREAM_TRY(config.set("--partitioner", "partitioner", settings.partitioner));
  STREAM_TRY(config.set("-z", "compression.codec", settings.codec));
  // librdkafka wants a message to fail within its transaction.
  const int64_t transaction_ms = milliseconds(config, "transaction.timeout.ms", 60'000);
  const int64_t message_ms = milliseconds(config, "message.timeout.ms", transaction_ms);
  const int64_t patience_ms = message_ms <= 0 ? transaction_ms : std::min(message_ms, transaction_ms);
  STREAM_TRY(config.set("-X", "message.timeout.ms", std::to_string(patience_ms)));
  return std::unique_ptr<TransactionalWriter>(new TransactionalWriter(std::make_unique<Impl>(
      std::move(config), std::move(reader), std::move(settings), Duration{patience_ms * 1000}, context)));
}

Status TransactionalWriter::take_over() { return impl_->take_over(); }
Result<std::optional<std::string>> TransactionalWriter::last_note() { return impl_->last_note(); }
Status TransactionalWriter::write(std::span<const KafkaMessage> messages, std::string_view note) {
  return impl_->write(messages, note);
}
bool TransactionalWriter::taken_over() const { return impl_->taken_over(); }

}  // namespace streamutils
