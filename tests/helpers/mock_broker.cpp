// SPDX-License-Identifier: Apache-2.0
// librdkafka's mock cluster as a broker in a process of its own, for the demo and quick tests. Prints
// bootstrap=HOST:PORT on standard output when it takes connections; ends when standard input ends, or with SIGTERM or
// SIGINT.
//
// It keeps about 5 MiB a partition and drops the oldest beyond that; it knows no times, no transactions that abort, no
// fencing.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

constexpr const char* kUsage = "usage: mock_broker [TOPIC=PARTITIONS]...";

int fail(const char* what, const char* why) {
  std::fprintf(stderr, "mock_broker: %s: %s\n", what, why);
  return 1;
}

/// Waits for the end of standard input, or a signal on `signals`.
void wait_for_end(int signals) {
  std::array<pollfd, 2> fds{{{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}}};
  std::array<char, 4096> ignored;
  while (true) {
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0) return;
    if (fds[0].revents != 0 && read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) return;
  }
}

bool create_topic(rd_kafka_mock_cluster_t* cluster, std::string_view argument) {
  const size_t equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  int partitions = 0;
  const char* end = argument.data() + argument.size();
  const auto [last, error] = std::from_chars(argument.data() + equals + 1, end, partitions);
  if (error != std::errc() || last != end || partitions < 1) return false;
  return rd_kafka_mock_topic_create(cluster, std::string(argument.substr(0, equals)).c_str(), partitions, 1) ==
         RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);  // before librdkafka makes its threads
  const int signals = signalfd(-1, &set, SFD_CLOEXEC);
  std::signal(SIGPIPE, SIG_IGN);

  std::array<char, 512> error{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, nullptr);  // it would complain that it knows no broker
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error.data(), error.size());
  if (handle == nullptr) return fail("cannot create a handle", error.data());
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(handle, 1);
  if (cluster == nullptr) return fail("cannot create the cluster", "no port on 127.0.0.1?");
  for (int i = 1; i < argc; ++i) {
    if (!create_topic(cluster, argv[i])) {
      fail(argv[i], kUsage);
      return 2;
    }
  }
  std::printf("bootstrap=%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  if (std::fflush(stdout) != 0) return fail("cannot write", "standard output");
  wait_for_end(signals);
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(handle);
  return 0;
}
