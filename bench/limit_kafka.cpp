// SPDX-License-Identifier: Apache-2.0
// A bare librdkafka drain: all partitions of a topic from their beginning to their end as it is now, one queue,
// batches, every message looked at no further than its length. What skafka-cat can reach at best.
//
//   limit_kafka BROKERS TOPIC [KEY=VALUE...]      properties of librdkafka
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace {

constexpr int kTimeoutMs = 30'000;
constexpr size_t kBatch = 4096;

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int fail(const char* what, const char* why) {
  std::fprintf(stderr, "limit_kafka: cannot %s: %s\n", what, why);
  return 1;
}

struct Partition {
  int64_t end = 0;
  bool open = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const double started = now();
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::vector<std::string> properties{"bootstrap.servers=" + std::string(argv[1]), "enable.partition.eof=true",
                                      "group.id=limit", "enable.auto.commit=false"};
  properties.insert(properties.end(), argv + 3, argv + argc);
  for (const std::string& property : properties) {
    const size_t equals = property.find('=');
    if (equals == std::string::npos) return fail("set a property", property.c_str());
    if (rd_kafka_conf_set(conf, property.substr(0, equals).c_str(), property.c_str() + equals + 1, error,
                          sizeof error) != RD_KAFKA_CONF_OK) {
      return fail("set a property", error);
    }
  }
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (client == nullptr) return fail("make a consumer", error);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client, argv[2], nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, topic, &metadata, kTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail("read the metadata", rd_kafka_err2str(code));
  std::vector<Partition> partitions(static_cast<size_t>(metadata->topics[0].partition_cnt));
  rd_kafka_metadata_destroy(metadata);

  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  size_t open = 0;
  for (size_t i = 0; i < partitions.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    int64_t low = 0;
    code = rd_kafka_query_watermark_offsets(client, argv[2], id, &low, &partitions[i].end, kTimeoutMs);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail("read the end of the log", rd_kafka_err2str(code));
    partitions[i].open = low < partitions[i].end;
    open += partitions[i].open ? 1 : 0;
    if (rd_kafka_consume_start_queue(topic, id, RD_KAFKA_OFFSET_BEGINNING, queue) != 0) {
      return fail("start", rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  int64_t records = 0, bytes = 0;
  std::vector<rd_kafka_message_t*> batch(kBatch);
  while (open > 0) {
    // A batch call that may wait does so until the batch is full: it is asked for what is there, and one message waited
    // for.
    ssize_t n = rd_kafka_consume_batch_queue(queue, 0, batch.data(), batch.size());
    if (n < 0) return fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
    if (n == 0) {
      batch[0] = rd_kafka_consume_queue(queue, 1000);
      n = batch[0] != nullptr ? 1 : 0;
    }
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      const rd_kafka_message_t* message = batch[i];
      Partition& partition = partitions[static_cast<size_t>(message->partition)];
      bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++records;
        bytes += static_cast<int64_t>(message->len);
        at_end = message->offset + 1 >= partition.end;
      } else if (!at_end) {
        return fail("consume", rd_kafka_message_errstr(message));
      }
      if (at_end && partition.open) {
        partition.open = false;
        --open;
      }
      rd_kafka_message_destroy(batch[i]);
    }
  }
  std::printf(R"({"limit":"kafka","records":%lld,"bytes":%lld,"wall":%.6f,"cpu":%.6f})"
              "\n",
              static_cast<long long>(records), static_cast<long long>(bytes), now() - started, cpu());
  std::fflush(stdout);
  // Closing may take as long as the drain, and nothing depends on it.
  _exit(0);
}
