// SPDX-License-Identifier: Apache-2.0
// A Redis server of a test's own, on a unix socket in a temporary folder. It dies with the test.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lib/redis/connection.hpp"

namespace streamutils::redis {

inline const std::vector<std::string> kDurable{"--appendonly", "yes", "--appendfsync", "always"};

/// A new folder in memory where there is such a place: what is killed here is a process, not the power.
inline std::string make_test_folder(const std::string& name) {
  std::string folder = fmt::format("{}/{}-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", name);
  EXPECT_NE(mkdtemp(folder.data()), nullptr) << folder;
  return folder;
}

class RedisServer {
 public:
  /// `options` go to redis-server as they are. Starts it.
  explicit RedisServer(std::vector<std::string> options = {}) : options_(std::move(options)) { start(); }
  ~RedisServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  /// With what is on its disk.
  void start() {
    std::vector<std::string> words{"redis-server",  "--port",      "0",  "--unixsocket", socket(), "--dir",
                                   folder_,         "--daemonize", "no", "--save",       "",       "--logfile",
                                   folder_ + "/log"};
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    unlink(socket().c_str());
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    for (int i = 0; i < 6000; ++i) {
      if (auto reply = try_ask({"PING"}); reply && reply->text == "PONG") return;
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = 0;
        break;
      }
      usleep(10'000);
    }
    ADD_FAILURE() << "redis-server did not start, see scripts/deps";
  }
  /// kill -9, and waits until it is gone.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void stop_answering() const { ::kill(pid_, SIGSTOP); }
  void answer_again() const { ::kill(pid_, SIGCONT); }

  [[nodiscard]] Url url() const {
    Url url;
    url.path = socket();
    return url;
  }
  /// One command over a connection of its own.
  Reply ask(std::initializer_list<std::string_view> command) const {
    auto reply = try_ask(command);
    EXPECT_TRUE(reply.has_value()) << "no reply from redis-server";
    return reply.value_or(Reply{});
  }
  /// What ask() says in short: text, number, "nil", or the items in brackets.
  std::string words(std::initializer_list<std::string_view> command) const { return text(ask(command)); }

  static std::string text(const Reply& reply) {
    switch (reply.kind) {
      case Reply::Kind::nil:
        return "nil";
      case Reply::Kind::integer:
        return std::to_string(reply.integer);
      case Reply::Kind::array: {
        std::string out = "[";
        for (const Reply& item : reply.items) out += (out.size() > 1 ? " " : "") + text(item);
        return out + "]";
      }
      default:
        return reply.text;
    }
  }
  /// A command that is in Redis' protocol already.
  Reply ask_raw(std::string_view command) const {
    auto reply = exchange(command);
    EXPECT_TRUE(reply.has_value()) << "no reply from redis-server";
    return reply.value_or(Reply{});
  }

 private:
  [[nodiscard]] std::string socket() const { return folder_ + "/s"; }
  [[nodiscard]] std::optional<Reply> try_ask(std::initializer_list<std::string_view> command) const {
    std::string out;
    append_command(out, command);
    return exchange(out);
  }
  [[nodiscard]] std::optional<Reply> exchange(std::string_view out) const {
    auto connection = Connection::begin(url());
    if (!connection.ok() || !connection->wait(true, Duration{5'000'000}) || !connection->finish().ok()) return {};
    while (!out.empty()) {
      auto sent = connection->send(out);
      if (!sent.ok()) return {};
      out.remove_prefix(*sent);
      if (!out.empty()) connection->wait(true, Duration{1'000'000});
    }
    for (int i = 0; i < 30; ++i) {
      auto reply = connection->receive();
      if (!reply.ok()) return {};
      if (reply->has_value()) return **reply;
      connection->wait(false, Duration{1'000'000});
    }
    return {};
  }

  std::vector<std::string> options_;
  std::string folder_ = make_test_folder("redis-test");
  pid_t pid_ = 0;
};

}  // namespace streamutils::redis
