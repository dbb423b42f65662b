// SPDX-License-Identifier: Apache-2.0
// What tests do to a broker that kcat cannot: see kUsage. The broker is -b or $BOOTSTRAP.
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr const char* kUsage = R"(usage: kafka_admin [-b BROKERS] COMMAND

  create TOPIC PARTITIONS [KEY=VALUE...]   returns when every partition has a leader
  grow TOPIC PARTITIONS                    adds partitions, up to that many
  delete TOPIC                             returns when it is gone
  offsets TOPIC                            prints 'partition low high', one line each
  committed GROUP TOPIC                    prints 'partition offset', - where none is committed
  produce TOPIC PARTITION [--timestamp] [--key]
      each line of standard input is a record: [MILLISECONDS TAB] [KEY TAB] VALUE
  tombstone TOPIC PARTITION KEY            a record with a key and no value
  txn-produce TOPIC PARTITION N commit|abort|leave [ID]
      N records {"txn":"commit","i":0} with key 0 and so on in one transaction of transactional id ID; N = - : the lines
      of standard input, each [KEY TAB] VALUE.
      leave: ends without a decision, so that the transaction hangs until its time-out (10 s)
  delete-records TOPIC PARTITION OFFSET    drops what is before OFFSET

PARTITION -1 lets the partitioner choose. BROKERS: $BOOTSTRAP if not given.
)";

constexpr int kTimeoutMs = 30'000;
using Clock = std::chrono::steady_clock;

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw std::runtime_error("cannot " + what + ": " + why);
}

void check(rd_kafka_resp_err_t code, const std::string& what) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) fail(what, rd_kafka_err2str(code));
}

void check(rd_kafka_error_t* error, const std::string& what) {
  if (error == nullptr) return;
  const std::string why = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  fail(what, why);
}

template <auto Destroy>
struct Destroyer {
  template <typename T>
  void operator()(T* object) const {
    Destroy(object);
  }
};
using Client = std::unique_ptr<rd_kafka_t, Destroyer<rd_kafka_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Destroyer<rd_kafka_topic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroyer<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroyer<rd_kafka_event_destroy>>;
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, Destroyer<rd_kafka_AdminOptions_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<rd_kafka_NewTopic_destroy>>;
using NewPartitions = std::unique_ptr<rd_kafka_NewPartitions_t, Destroyer<rd_kafka_NewPartitions_destroy>>;
using DeleteTopic = std::unique_ptr<rd_kafka_DeleteTopic_t, Destroyer<rd_kafka_DeleteTopic_destroy>>;
using DeleteRecords = std::unique_ptr<rd_kafka_DeleteRecords_t, Destroyer<rd_kafka_DeleteRecords_destroy>>;
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroyer<rd_kafka_topic_partition_list_destroy>>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Destroyer<rd_kafka_metadata_destroy>>;

int64_t number(std::string_view text, const char* name) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) {
    throw UsageError(std::string(name) + " '" + std::string(text) + "' is no number");
  }
  return value;
}

Client connect(const std::string& brokers, rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  char why[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::map<std::string, std::string> all{{"bootstrap.servers", brokers}, {"log_level", "3"}};
  all.insert(settings.begin(), settings.end());
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
      fail("configure", why);
  }
  if (type == RD_KAFKA_PRODUCER) {
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
      // Messages of a transaction that is aborted on purpose are purged.
      if (message->err != 0 && message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE) {
        std::fprintf(stderr, "kafka_admin: cannot deliver a record: %s\n", rd_kafka_err2str(message->err));
        _exit(1);
      }
    });
  }
  Client client(rd_kafka_new(type, conf, why, sizeof why));
  if (!client) fail("create a client", why);
  return client;
}

// The topic's partitions that have a leader; -1 when the broker does not know the topic.
int ready_partitions(rd_kafka_t* client, const std::string& name) {
  const Topic topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  check(rd_kafka_metadata(client, 0, topic.get(), &raw, kTimeoutMs), "ask for the metadata of '" + name + "'");
  const Metadata metadata(raw);
  if (metadata->topic_cnt != 1 || metadata->topics[0].err != 0) return -1;
  int ready = 0;
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) ready += metadata->topics[0].partitions[i].leader >= 0;
  return ready;
}

int partition_count(rd_kafka_t* client, const std::string& name) {
  const int count = ready_partitions(client, name);
  if (count < 0) fail("find the topic '" + name + "'", "the broker does not know it");
  return count;
}

void wait_for(const std::string& what, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (!condition()) {
    if (Clock::now() > deadline) fail(what, "still not so after 30 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

using Submit = std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;

// Submits one admin request and returns its answer; the caller looks at the result of each topic in it.
Event ask(rd_kafka_t* client, rd_kafka_admin_op_t operation, const std::string& what, const Submit& submit) {
  char why[512];
  const Queue queue(rd_kafka_queue_new(client));
  const Options options(rd_kafka_AdminOptions_new(client, operation));
  check(rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs, why, sizeof why), what);
  // The broker's own time for carrying it out, where the operation has one.
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), kTimeoutMs, why, sizeof why);
  submit(options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), kTimeoutMs + 5'000));
  if (!event) fail(what, "no answer");
  if (rd_kafka_event_error(event.get()) != 0) fail(what, rd_kafka_event_error_string(event.get()));
  return event;
}

void check_topics(const rd_kafka_topic_result_t** results, std::size_t count, const std::string& what) {
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_topic_result_error(results[i]) == 0) continue;
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    fail(what, why != nullptr ? why : rd_kafka_err2str(rd_kafka_topic_result_error(results[i])));
  }
}

struct Call {
  std::string brokers;
  std::vector<std::string> args;  // after the command

  const std::string& topic() const { return args[0]; }
  int32_t partition() const {
    const int64_t value = number(args[1], "PARTITION");
    if (value < -1 || value > INT32_MAX) throw UsageError("there is no partition " + args[1]);
    return static_cast<int32_t>(value);
  }
};

void create(const Call& call) {
  const std::string what = "create the topic '" + call.topic() + "'";
  const int partitions = static_cast<int>(number(call.args[1], "PARTITIONS"));
  const Client client = connect(call.brokers, RD_KAFKA_PRODUCER, {});
  char why[512];
  const NewTopic topic(rd_kafka_NewTopic_new(call.topic().c_str(), partitions, 1, why, sizeof why));
  if (!topic) fail(what, why);
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    const std::size_t equals = call.args[i].find('=');
    if (equals == std::string::npos) throw UsageError("'" + call.args[i] + "' is no KEY=VALUE");
    check(rd_kafka_NewTopic_set_config(topic.get(), call.args[i].substr(0, equals).c_str(),
                                       call.args[i].substr(equals + 1).c_str()),
          what);
  }
  const Event event = ask(client.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, what, [&](auto* options, auto* queue) {
    rd_kafka_NewTopic_t* topics[] = {topic.get()};
    rd_kafka_CreateTopics(client.get(), topics, 1, options, queue);
  });
  std::size_t count = 0;
  const auto results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  check_topics(results, count, what);
  wait_for("use the topic '" + call.topic() + "'",
           [&] { return ready_partitions(client.get(), call.topic()) == partitions; });
}

void grow(const Call& call) {
  const std::string what = "add partitions to the topic '" + call.topic() + "'";
  const int partitions = static_cast<int>(number(call.args[1], "PARTITIONS"));
  const Client client = connect(call.brokers, RD_KAFKA_PRODUCER, {});
  char why[512];
  const NewPartitions more(
      rd_kafka_NewPartitions_new(call.topic().c_str(), static_cast<std::size_t>(partitions), why, sizeof why));
  if (!more) fail(what, why);
  const Event event = ask(client.get(), RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, what, [&](auto* options, auto* queue) {
    rd_kafka_NewPartitions_t* topics[] = {more.get()};
    rd_kafka_CreatePartitions(client.get(), topics, 1, options, queue);
  });
  std::size_t count = 0;
  const auto results =
      rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
  check_topics(results, count, what);
  wait_for(what, [&] { return ready_partitions(client.get(), call.topic()) == partitions; });
}

void remove(const Call& call) {
  const std::string what = "delete the topic '" + call.topic() + "'";
  const Client client = connect(call.brokers, RD_KAFKA_PRODUCER, {});
  const DeleteTopic topic(rd_kafka_DeleteTopic_new(call.topic().c_str()));
  const Event event = ask(client.get(), RD_KAFKA_ADMIN_OP_DELETETOPICS, what, [&](auto* options, auto* queue) {
    rd_kafka_DeleteTopic_t* topics[] = {topic.get()};
    rd_kafka_DeleteTopics(client.get(), topics, 1, options, queue);
  });
  std::size_t count = 0;
  const auto results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  check_topics(results, count, what);
  wait_for(what, [&] { return ready_partitions(client.get(), call.topic()) < 0; });
}

void delete_records(const Call& call) {
  const std::string what = "delete records of '" + call.topic() + "'";
  const Client client = connect(call.brokers, RD_KAFKA_PRODUCER, {});
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), call.topic().c_str(), call.partition())->offset =
      number(call.args[2], "OFFSET");
  const DeleteRecords request(rd_kafka_DeleteRecords_new(list.get()));
  const Event event = ask(client.get(), RD_KAFKA_ADMIN_OP_DELETERECORDS, what, [&](auto* options, auto* queue) {
    rd_kafka_DeleteRecords_t* requests[] = {request.get()};
    rd_kafka_DeleteRecords(client.get(), requests, 1, options, queue);
  });
  const auto* result = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < result->cnt; ++i) check(result->elems[i].err, what);
}

void offsets(const Call& call) {
  // Read-committed clients are told the last stable offset instead of the high watermark.
  const Client client = connect(call.brokers, RD_KAFKA_CONSUMER, {{"isolation.level", "read_uncommitted"}});
  const int count = partition_count(client.get(), call.topic());
  for (int32_t partition = 0; partition < count; ++partition) {
    int64_t low = 0;
    int64_t high = 0;
    check(rd_kafka_query_watermark_offsets(client.get(), call.topic().c_str(), partition, &low, &high, kTimeoutMs),
          "ask for offsets");
    std::printf("%d %lld %lld\n", partition, static_cast<long long>(low), static_cast<long long>(high));
  }
}

void committed(const Call& call) {
  const std::string& topic = call.args[1];
  const Client client = connect(call.brokers, RD_KAFKA_CONSUMER, {{"group.id", call.args[0]}});
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add_range(list.get(), topic.c_str(), 0, partition_count(client.get(), topic) - 1);
  check(rd_kafka_committed(client.get(), list.get(), kTimeoutMs), "ask for committed offsets");
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    check(entry.err, "ask for committed offsets");
    std::printf("%d %s\n", entry.partition, entry.offset < 0 ? "-" : std::to_string(entry.offset).c_str());
  }
}

struct Record {
  int64_t timestamp_ms = 0;  // 0: now
  std::string_view key;      // data() is null: none
  std::string_view value;    // data() is null: none
};

void* pointer(std::string_view text) { return const_cast<char*>(text.data()); }

void send(rd_kafka_t* client, rd_kafka_topic_t* topic, int32_t partition, const Record& record) {
  const std::string what = "produce to '" + std::string(rd_kafka_topic_name(topic)) + "'";
  for (;;) {
    const auto code = rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_TIMESTAMP(record.timestamp_ms),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(pointer(record.key), record.key.size()),
        RD_KAFKA_V_VALUE(pointer(record.value), record.value.size()), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return check(code, what);
    rd_kafka_poll(client, 100);
  }
}

std::string_view cut_field(std::string_view& line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) fail("read the input", "a line lacks a tab: '" + std::string(line) + "'");
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(tab + 1);
  return field;
}

void produce(const Call& call) {
  bool timestamped = false;
  bool keyed = false;
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    if (call.args[i] == "--timestamp") {
      timestamped = true;
    } else if (call.args[i] == "--key") {
      keyed = true;
    } else {
      throw UsageError("unknown option '" + call.args[i] + "'");
    }
  }
  const int32_t partition = call.partition();
  // A broker that comes back is found soon: a producer that feeds a test through a restart is not to be its slowest part.
  const Client client = connect(
      call.brokers, RD_KAFKA_PRODUCER,
      {{"enable.idempotence", "true"}, {"linger.ms", "5"}, {"reconnect.backoff.max.ms", "250"}});
  partition_count(client.get(), call.topic());
  const Topic topic(rd_kafka_topic_new(client.get(), call.topic().c_str(), nullptr));
  for (std::string line; std::getline(std::cin, line);) {
    std::string_view rest = line;
    Record record;
    if (timestamped) record.timestamp_ms = number(cut_field(rest), "the timestamp");
    if (keyed) record.key = cut_field(rest);
    record.value = rest;
    send(client.get(), topic.get(), partition, record);
    rd_kafka_poll(client.get(), 0);
  }
  check(rd_kafka_flush(client.get(), kTimeoutMs), "deliver all records");
}

void tombstone(const Call& call) {
  const Client client = connect(call.brokers, RD_KAFKA_PRODUCER, {});
  partition_count(client.get(), call.topic());
  const Topic topic(rd_kafka_topic_new(client.get(), call.topic().c_str(), nullptr));
  send(client.get(), topic.get(), call.partition(), {0, call.args[2], {}});
  check(rd_kafka_flush(client.get(), kTimeoutMs), "deliver the tombstone");
}

void send_transaction(const Call& call, rd_kafka_t* client, rd_kafka_topic_t* topic) {
  const int32_t partition = call.partition();
  if (call.args[2] == "-") {
    for (std::string line; std::getline(std::cin, line);) {
      std::string_view value = line;
      std::string_view key;
      if (line.find('\t') != std::string::npos) key = cut_field(value);
      send(client, topic, partition, {0, key, value});
    }
  } else {
    const int64_t count = number(call.args[2], "N");
    for (int64_t i = 0; i < count; ++i) {
      const std::string value = "{\"txn\":\"" + call.args[3] + "\",\"i\":" + std::to_string(i) + "}";
      send(client, topic, partition, {0, std::to_string(i), value});
    }
  }
  // An abort would purge what is still in the queue: the records must be in the log, to be skipped by readers.
  check(rd_kafka_flush(client, kTimeoutMs), "deliver the records of the transaction");
}

void txn_produce(const Call& call) {
  const std::string& decision = call.args[3];
  if (decision != "commit" && decision != "abort" && decision != "leave") {
    throw UsageError("the decision '" + decision + "' is none of commit, abort, leave");
  }
  const std::string id = call.args.size() > 4 ? call.args[4] : "kafka_admin-" + std::to_string(getpid());
  Client client = connect(call.brokers, RD_KAFKA_PRODUCER,
                          {{"transactional.id", id}, {"transaction.timeout.ms", "10000"}, {"linger.ms", "5"}});
  // Without the metadata at hand the first transaction takes a second.
  partition_count(client.get(), call.topic());
  const Topic topic(rd_kafka_topic_new(client.get(), call.topic().c_str(), nullptr));
  check(rd_kafka_init_transactions(client.get(), kTimeoutMs), "start transactions");
  check(rd_kafka_begin_transaction(client.get()), "begin the transaction");
  send_transaction(call, client.get(), topic.get());
  if (decision == "commit") {
    check(rd_kafka_commit_transaction(client.get(), kTimeoutMs), "commit the transaction");
  } else if (decision == "abort") {
    check(rd_kafka_abort_transaction(client.get(), kTimeoutMs), "abort the transaction");
  } else {
    _exit(0);  // closing the client would abort
  }
}

struct Command {
  std::size_t least;
  std::size_t most;
  void (*run)(const Call&);
};

const std::map<std::string_view, Command>& commands() {
  static const std::map<std::string_view, Command> all{
      {"create", {2, 100, create}},
      {"delete", {1, 1, remove}},
      {"offsets", {1, 1, offsets}},
      {"committed", {2, 2, committed}},
      {"produce", {2, 4, produce}},
      {"tombstone", {3, 3, tombstone}},
      {"txn-produce", {4, 5, txn_produce}},
      {"delete-records", {3, 3, delete_records}},
      {"grow", {2, 2, grow}},
  };
  return all;
}

void run(std::vector<std::string> args) {
  Call call;
  if (const char* bootstrap = std::getenv("BOOTSTRAP")) call.brokers = bootstrap;
  if (args.size() >= 2 && args[0] == "-b") {
    call.brokers = args[1];
    args.erase(args.begin(), args.begin() + 2);
  }
  if (args.empty()) throw UsageError("a command is missing");
  const auto command = commands().find(args[0]);
  if (command == commands().end()) throw UsageError("unknown command '" + args[0] + "'");
  call.args.assign(args.begin() + 1, args.end());
  if (call.args.size() < command->second.least || call.args.size() > command->second.most) {
    throw UsageError("'" + args[0] + "' has too few or too many arguments");
  }
  if (call.brokers.empty()) throw UsageError("the broker is missing: use -b or $BOOTSTRAP");
  command->second.run(call);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> args(argv + 1, argv + argc);
    if (!args.empty() && args[0] == "--help") {
      std::fputs(kUsage, stdout);
    } else {
      run(args);
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "kafka_admin: %s; see 'kafka_admin --help'\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kafka_admin: %s\n", error.what());
    return 1;
  }
}
