// SPDX-License-Identifier: Apache-2.0
// One librdkafka handle with its callbacks, its wake-up descriptor and a close that cannot hang. Private to lib/kafka.
//
// Thread rule: serve() and every callback into ClientEvents belong to one thread. Calls on get() may come from any.
// Shared by pointer, so that a Task (a blocking call on a thread of its own) or a close that takes too long may outlive
// the owner: after detach() nothing reaches the owner, its Log or its ClientEvents any more.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "lib/base/log.hpp"
#include "lib/base/time.hpp"
#include "lib/kafka/config.hpp"
#include "lib/kafka/handle.hpp"

namespace streamutils::kafka {

class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  /// librdkafka's statistics, followed by kJsonPadding readable bytes.
  virtual void on_statistics(std::string_view /*json*/) {}
  /// The group gives (or takes) partitions; the owner answers with rd_kafka_assign() at its own time.
  virtual void on_rebalance(bool /*assigned*/, const rd_kafka_topic_partition_list_t& /*partitions*/) {}
  virtual void on_delivery(const rd_kafka_message_t& /*message*/) {}
  /// What became of a commit that nobody waits for.
  virtual void on_commit(rd_kafka_resp_err_t /*error*/) {}
  /// No broker can be reached. May repeat.
  virtual void on_disconnect(std::string_view /*reason*/) {}
};

class Client {
 public:
  /// Makes the handle, which begins to connect by itself. `events` and `log` must live until detach().
  static Result<std::shared_ptr<Client>> create(const KafkaConfig& config, ClientEvents& events, Log& log);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }
  [[nodiscard]] const std::string& brokers() const { return brokers_; }

  /// Becomes readable when something came into a watched queue, or by wake().
  [[nodiscard]] int wake_fd() const { return wake_fd_; }
  void watch(rd_kafka_queue_t* queue);
  void wake();
  void clear_wake();

  /// What went wrong for good, if anything: a fatal error, or (before `connected`) refused credentials.
  [[nodiscard]] Status trouble();
  /// "cannot reach Kafka at 'x': last reason; check -b ..."
  [[nodiscard]] Status unreachable();
  void set_connected();

  void detach();
  [[nodiscard]] bool detached();
  /// Commits `positions` (null: nothing) and closes in the background, and waits at most `bound` for both. Returns what
  /// became of the commit. REQUIRES: detach() was called, queues and topics are released.
  static rd_kafka_resp_err_t close(std::shared_ptr<Client> client, bool leave_group, ListPtr positions, Duration bound);

 private:
  Client() = default;
  static void on_error(rd_kafka_t* handle, int error, const char* reason, void* opaque);
  static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  static int on_statistics(rd_kafka_t* handle, char* json, size_t size, void* opaque);
  static void on_rebalance(rd_kafka_t* handle, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                           void* opaque);
  static void on_commit(rd_kafka_t* handle, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* offsets,
                        void* opaque);
  static void on_delivery(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque);
  ClientEvents* events();

  rd_kafka_t* handle_ = nullptr;
  int wake_fd_ = -1;
  std::string brokers_;
  bool debug_ = false;  // the user asked librdkafka for debug output
  std::mutex mutex_;    // guards what follows
  Log* log_ = nullptr;
  ClientEvents* events_ = nullptr;
  std::string reason_;
  std::string refused_;
  std::string fatal_;
  bool connected_ = false;
};

}  // namespace streamutils::kafka
