// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/client.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "lib/json/record_parser.hpp"

namespace streamutils::kafka {
namespace {

constexpr uint64_t kWake = 1;

// "...: Connection refused (after 0ms in state CONNECT)" without the aside.
std::string short_reason(const char* reason) {
  std::string text(reason == nullptr ? "" : reason);
  if (const size_t aside = text.find(" (after "); aside != std::string::npos) text.erase(aside);
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

Result<std::shared_ptr<Client>> Client::create(const KafkaConfig& config, ClientEvents& events, Log& log) {
  STREAM_ASSIGN(rd_kafka_conf_s * raw, config.build());
  ConfPtr conf(raw);
  std::shared_ptr<Client> client(new Client());
  client->brokers_ = config.brokers();
  client->log_ = &log;
  client->events_ = &events;
  client->debug_ = !config.get("debug").empty();
  client->wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (client->wake_fd_ < 0) return errno_status(errno, "create", "eventfd");

  const bool consumer = config.role() == KafkaConfig::Role::consumer;
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_stats_cb(conf.get(), on_statistics);
  if (consumer) {
    rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf.get(), on_commit);
  } else {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  }
  std::array<char, 512> error{};
  client->handle_ =
      rd_kafka_new(consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf.get(), error.data(), error.size());
  if (client->handle_ == nullptr) return usage_error("cannot set up the Kafka client: {}", error.data());
  (void)conf.release();  // the handle owns it now
  return client;
}

Client::~Client() {
  if (handle_ != nullptr) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

void Client::watch(rd_kafka_queue_t* queue) { rd_kafka_queue_io_event_enable(queue, wake_fd_, &kWake, sizeof kWake); }

void Client::wake() { (void)!write(wake_fd_, &kWake, sizeof kWake); }

void Client::clear_wake() {
  uint64_t count = 0;
  (void)!read(wake_fd_, &count, sizeof count);
}

Status Client::trouble() {
  const std::lock_guard lock(mutex_);
  if (!fatal_.empty()) return failed("Kafka at '{}' refuses to go on: {}", brokers_, fatal_);
  if (!connected_ && !refused_.empty()) {
    return usage_error("Kafka at '{}' refuses the credentials: {}; check the sasl.* and ssl.* properties", brokers_,
                       refused_);
  }
  return {};
}

Status Client::unreachable() {
  STREAM_TRY(trouble());
  const std::lock_guard lock(mutex_);
  return failed("cannot reach Kafka at '{}': {}; check -b and that the broker runs", brokers_,
                reason_.empty() ? "no answer in time" : reason_);
}

void Client::set_connected() {
  const std::lock_guard lock(mutex_);
  connected_ = true;
}

void Client::detach() {
  const std::lock_guard lock(mutex_);
  log_ = nullptr;
  events_ = nullptr;
}

bool Client::detached() {
  const std::lock_guard lock(mutex_);
  return events_ == nullptr;
}

ClientEvents* Client::events() {
  const std::lock_guard lock(mutex_);
  return events_;
}

rd_kafka_resp_err_t Client::close(std::shared_ptr<Client> client, bool leave_group, ListPtr positions, Duration bound) {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    rd_kafka_resp_err_t committed = RD_KAFKA_RESP_ERR__TIMED_OUT;
  };
  const auto done = std::make_shared<Done>();
  if (!positions) done->committed = RD_KAFKA_RESP_ERR_NO_ERROR;
  // rd_kafka_consumer_close() of 2.0.2 can hang: it does so on a thread that nobody joins.
  std::thread([client = std::move(client), leave_group, positions = std::move(positions), done]() mutable {
    if (positions) {
      const rd_kafka_resp_err_t committed = rd_kafka_commit(client->get(), positions.get(), 0);
      const std::lock_guard lock(done->mutex);
      done->committed = committed;
    }
    if (leave_group) rd_kafka_consumer_close(client->get());
    client.reset();
    const std::lock_guard lock(done->mutex);
    done->done = true;
    done->changed.notify_all();
  }).detach();
  std::unique_lock lock(done->mutex);
  done->changed.wait_for(lock, std::chrono::microseconds(bound.us), [&] { return done->done; });
  return done->committed;
}

void Client::on_error(rd_kafka_t* handle, int error, const char* reason, void* opaque) {
  auto& client = *static_cast<Client*>(opaque);
  const auto code = static_cast<rd_kafka_resp_err_t>(error);
  {
    const std::lock_guard lock(client.mutex_);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
      std::array<char, 512> text{};
      rd_kafka_fatal_error(handle, text.data(), text.size());
      client.fatal_ = short_reason(text.data());
    } else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
      client.refused_ = client.reason_ = short_reason(reason);
    } else if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
      client.reason_ = short_reason(reason);
    }
    if (client.log_ != nullptr) client.log_->debug("kafka: {}", short_reason(reason));
  }
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
  if (ClientEvents* events = client.events()) events->on_disconnect(client.reason_);
}

void Client::on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  auto* client = static_cast<Client*>(rd_kafka_opaque(handle));
  if (client == nullptr) return;
  const std::lock_guard lock(client->mutex_);
  if (client->log_ == nullptr) return;
  // Failures reach us as errors as well; here they are for those who look for them.
  if (client->debug_ && level == 7) {
    client->log_->info("librdkafka: {}: {}", facility, text);
  } else {
    client->log_->debug("librdkafka: {}: {}", facility, text);
  }
}

int Client::on_statistics(rd_kafka_t*, char* json, size_t size, void* opaque) {
  ClientEvents* events = static_cast<Client*>(opaque)->events();
  if (events == nullptr) return 0;
  std::string padded(json, size);
  padded.append(kJsonPadding, '\0');
  events->on_statistics(std::string_view(padded).substr(0, size));
  return 0;
}

void Client::on_rebalance(rd_kafka_t* handle, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                          void* opaque) {
  ClientEvents* events = static_cast<Client*>(opaque)->events();
  if (events == nullptr) {  // closing
    rd_kafka_assign(handle, nullptr);
    return;
  }
  events->on_rebalance(error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, *partitions);
}

void Client::on_commit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* offsets, void* opaque) {
  ClientEvents* events = static_cast<Client*>(opaque)->events();
  if (events == nullptr) return;
  for (int i = 0; offsets != nullptr && i < offsets->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    error = offsets->elems[i].err;
  }
  events->on_commit(error);
}

void Client::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (ClientEvents* events = static_cast<Client*>(opaque)->events()) events->on_delivery(*message);
}

}  // namespace streamutils::kafka
