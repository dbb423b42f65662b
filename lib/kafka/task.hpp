// SPDX-License-Identifier: Apache-2.0
// A blocking call of librdkafka on a thread of its own, so that the loop goes on noticing a stop or a dead reader.
// Private to lib/kafka.
//
// The thread is never joined: it holds the Client and its own result, and nothing else of its maker.
#pragma once
#include <poll.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "lib/kafka/client.hpp"

namespace streamutils::kafka {

template <class T>
class Task {
 public:
  /// Begins `work`; when it is done the client's wake_fd() becomes readable. `work` must capture by value.
  Task(std::shared_ptr<Client> client, std::function<T(Client&)> work) : shared_(std::make_shared<Shared>()) {
    std::thread([client = std::move(client), work = std::move(work), shared = shared_]() mutable {
      T result = work(*client);
      {
        const std::lock_guard lock(shared->mutex);
        shared->result.emplace(std::move(result));
      }
      client->wake();
    }).detach();
  }

  /// The result, once: empty while the work goes on.
  std::optional<T> take() {
    const std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->result, std::nullopt);
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::optional<T> result;
  };
  std::shared_ptr<Shared> shared_;
};

/// Waits for `work`, asking `abandoned` ten times a second (empty: never) and serving the client's callbacks meanwhile.
/// Empty: waiting has become pointless, and `work` goes on alone.
template <class T>
std::optional<T> run_task(const std::shared_ptr<Client>& client, std::function<T(Client&)> work,
                          const std::function<bool()>& abandoned) {
  Task<T> task(client, std::move(work));
  while (true) {
    if (std::optional<T> result = task.take()) return result;
    pollfd fd{client->wake_fd(), POLLIN, 0};
    ::poll(&fd, 1, 100);
    client->clear_wake();
    rd_kafka_poll(client->get(), 0);  // refused credentials and lost brokers are learnt here
    if (abandoned && abandoned()) return task.take();
  }
}

/// What whoever was told so by run_task() says.
inline Status abandoned_status() {
  return failed("the program that writes our input has died; gave up waiting for Kafka");
}

}  // namespace streamutils::kafka
