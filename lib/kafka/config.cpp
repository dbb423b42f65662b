// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <span>

#include "lib/kafka/handle.hpp"

namespace streamutils {
namespace {

using kafka::ConfPtr;

struct Property {
  const char* key;
  const char* value;
};

// Smaller queues than librdkafka's 64 MiB: what is fetched ahead is memory, and it is lost work when the pipe is cut.
constexpr Property kConsumerDefaults[] = {
    {"queued.max.messages.kbytes", "16384"},
    {"queued.min.messages", "10000000"},  // so that the bytes alone bound the queue
    {"fetch.wait.max.ms", "100"},         // how soon an end of the log is confirmed:
                                          // idleness and -e wait for it
    {"fetch.error.backoff.ms", "10"},     // also the pause after a full queue: 100 ms cost a merge five times its time
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    {"isolation.level", "read_committed"},
    {"client.id", "streamutils"},
};
constexpr Property kProducerDefaults[] = {
    {"message.timeout.ms", "120000"}, {"queue.buffering.max.kbytes", "65536"},
    {"reconnect.backoff.ms", "50"},   {"reconnect.backoff.max.ms", "1000"},
    {"client.id", "streamutils"},
};

struct Reserved {
  const char* key;
  const char* remedy;
};
constexpr Reserved kReservedConsumer[] = {
    {"group.id", "use -G"},
    {"enable.auto.commit", "use --commit-interval"},
    {"auto.commit.interval.ms", "use --commit-interval"},
    {"auto.commit.enable", "use --commit-interval"},
    {"enable.auto.offset.store", "use --commit-interval"},
    {"auto.offset.reset", "use -o beginning or -o end"},
    {"enable.partition.eof", "leave it out: ends of the log are always reported"},
    {"statistics.interval.ms", "leave it out: lag is measured every second"},
    {"partition.assignment.strategy", "leave it out: the range assignor is the one that keeps units together"},
};
constexpr Reserved kReservedProducer[] = {
    {"enable.idempotence", "leave it out: it is always on"},
    {"transactional.id", "leave it out: --checkpoint sets it, and without it transactions are not used"},
    {"partitioner", "use --partitioner"},
    {"compression.codec", "use -z"},
    {"compression.type", "use -z"},
};

constexpr std::string_view kUnsafe[] = {"plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.location"};

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

template <size_t n>
const char* remedy_of(const Reserved (&list)[n], std::string_view key) {
  for (const Reserved& reserved : list) {
    if (key == reserved.key) return reserved.remedy;
  }
  return nullptr;
}

bool is_brokers(std::string_view key) { return key == "bootstrap.servers" || key == "metadata.broker.list"; }

}  // namespace

void declare_kafka_options(cli::Cli& cli, KafkaOptions& options) {
  cli.text("-b,--brokers", "BROKERS", options.brokers,
           "first brokers to contact, as HOST[:PORT],...; the rest of the cluster is learnt from them (default: "
           "localhost:9092).");
  cli.texts("-X,--property", "KEY=VALUE", options.properties,
            "set a property of librdkafka; may be repeated. 'dump' prints all properties in force, secrets redacted, "
            "and exits. "
            "Secrets belong into a file named by -F, since every user of the machine can read a command line.");
  cli.text("-F,--config-file", "FILE", options.file,
           "read properties from FILE: one KEY=VALUE a line, '#' begins a comment line. -X overrides them.");
  cli.flag("--allow-unsafe-config", options.allow_unsafe,
           "accept properties that load code or run commands: plugin.library.paths, sasl.kerberos.kinit.cmd, "
           "ssl.engine.location.");
}

bool KafkaConfig::is_secret(std::string_view key) {
  for (const std::string_view part : {"password", "secret", "key.pem", "oauthbearer.config", "credential"}) {
    if (key.find(part) != std::string_view::npos) return true;
  }
  return false;
}

Result<KafkaConfig> KafkaConfig::create(const KafkaOptions& options, Role role) {
  KafkaConfig config(role);
  const bool consumer = role == Role::consumer;
  for (const Property& p :
       consumer ? std::span<const Property>(kConsumerDefaults) : std::span<const Property>(kProducerDefaults)) {
    config.properties_.emplace_back(p.key, p.value);
  }
  if (!options.file.empty()) STREAM_TRY(config.read_file(options.file, options.allow_unsafe));
  for (const std::string& property : options.properties) {
    if (trim(property) == "dump") {
      config.dump_requested_ = true;
      continue;
    }
    STREAM_TRY(config.add("-X", property, options.allow_unsafe));
    const std::string_view key = trim(std::string_view(property).substr(0, property.find('=')));
    if (is_secret(key)) {
      config.warnings_.push_back(
          fmt::format("every user of this machine can read '-X {}=...'; put it into a file that only you can read and "
                      "name it with -F",
                      key));
    }
  }
  config.brokers_ = options.brokers;
  if (config.brokers_.empty()) config.brokers_ = std::string(config.get("bootstrap.servers"));
  if (config.brokers_.empty()) config.brokers_ = std::string(config.get("metadata.broker.list"));
  if (config.brokers_.empty()) config.brokers_ = "localhost:9092";
  STREAM_TRY(config.set("-b", "bootstrap.servers", config.brokers_));
  if (consumer) {
    config.properties_.insert(config.properties_.end(), {{"enable.auto.commit", "false"},
                                                         {"enable.auto.offset.store", "false"},
                                                         {"auto.offset.reset", "error"},
                                                         {"enable.partition.eof", "true"},
                                                         {"statistics.interval.ms", "1000"},
                                                         {"partition.assignment.strategy", "range"}});
  } else {
    config.properties_.insert(config.properties_.end(), {{"enable.idempotence", "true"}});
  }
  Result<rd_kafka_conf_s*> all = config.build();  // proves invariant 1 for the defaults as well
  if (!all.ok()) return all.take_status();
  rd_kafka_conf_destroy(*all);
  return config;
}

Status KafkaConfig::read_file(const std::string& path, bool allow_unsafe) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  const auto unusable = [&](const char* what) {
    return Status(Code::usage, std::string(errno_status(errno, what, path).message()));
  };
  if (!file) return unusable("open");
  std::string text;
  std::array<char, 4096> chunk;
  size_t n = 0;
  while ((n = std::fread(chunk.data(), 1, chunk.size(), file.get())) > 0) {
    text.append(chunk.data(), n);
    if (text.size() > (size_t{1} << 20))
      return usage_error("'{}' is larger than 1 MiB: -F names a file of KEY=VALUE lines", path);
  }
  if (std::ferror(file.get()) != 0) return unusable("read");  // a folder
  int number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t newline = rest.find('\n');
    const std::string_view line = trim(rest.substr(0, newline));
    rest = newline == std::string_view::npos ? std::string_view() : rest.substr(newline + 1);
    ++number;
    if (line.empty() || line.front() == '#') continue;
    STREAM_TRY(add(fmt::format("{}:{}", path, number), line, allow_unsafe));
  }
  return {};
}

Status KafkaConfig::add(std::string_view where, std::string_view property, bool allow_unsafe) {
  const size_t equals = property.find('=');
  if (equals == std::string_view::npos) {
    // The text is not shown: it may be a secret whose '=' was forgotten.
    return usage_error("{}: a property is written KEY=VALUE; this one has no '='", where);
  }
  std::string key(trim(property.substr(0, equals)));
  // kcat's prefix for topic properties; these are names of their own.
  if (key.starts_with("topic.") && !key.starts_with("topic.metadata.") && key != "topic.blacklist") key.erase(0, 6);
  const std::string value(trim(property.substr(equals + 1)));
  if (!allow_unsafe && std::ranges::find(kUnsafe, key) != std::end(kUnsafe)) {
    return usage_error(
        "{}: '{}' loads code or runs a command; give --allow-unsafe-config if you trust where it comes from", where,
        key);
  }
  const char* remedy = role_ == Role::consumer ? remedy_of(kReservedConsumer, key) : remedy_of(kReservedProducer, key);
  if (remedy != nullptr) return usage_error("{}: '{}' is not for you to set: {}", where, key, remedy);
  STREAM_TRY(check(where, key, value));
  properties_.emplace_back(key, value);
  return {};
}

Status KafkaConfig::set(std::string_view option, std::string key, std::string value) {
  STREAM_TRY(check(option, key, value));
  properties_.emplace_back(std::move(key), std::move(value));
  return {};
}

Status KafkaConfig::check(std::string_view where, const std::string& key, const std::string& value) const {
  const ConfPtr conf(rd_kafka_conf_new());
  std::array<char, 512> error{};
  const rd_kafka_conf_res_t result =
      rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), error.data(), error.size());
  if (result == RD_KAFKA_CONF_OK) return {};
  if (result == RD_KAFKA_CONF_UNKNOWN) {
    return usage_error("{}: there is no property '{}'; librdkafka's CONFIGURATION.md lists them", where, key);
  }
  if (is_secret(key)) return usage_error("{}: librdkafka does not accept the value of '{}'", where, key);
  return usage_error("{}: {}", where, error.data());
}

KafkaConfig KafkaConfig::reader() const {
  KafkaConfig config = *this;
  config.role_ = Role::consumer;
  std::erase_if(config.properties_, [](const auto& p) { return p.first == "transactional.id"; });
  config.properties_.insert(config.properties_.end(), {{"isolation.level", "read_committed"},
                                                       {"enable.auto.commit", "false"},
                                                       {"enable.auto.offset.store", "false"},
                                                       {"auto.offset.reset", "error"},
                                                       {"enable.partition.eof", "true"},
                                                       {"fetch.wait.max.ms", "20"}});
  return config;
}

std::string_view KafkaConfig::get(std::string_view key) const {
  for (auto property = properties_.rbegin(); property != properties_.rend(); ++property) {
    if (property->first == key) return property->second;
  }
  return {};
}

Result<rd_kafka_conf_s*> KafkaConfig::build() const {
  ConfPtr conf(rd_kafka_conf_new());
  std::array<char, 512> error{};
  for (const auto& [key, value] : properties_) {
    if (is_brokers(key)) continue;  // -b wins over both of its names
    if (rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK) {
      return usage_error("cannot set the Kafka property '{}': {}", key, is_secret(key) ? "bad value" : error.data());
    }
  }
  if (rd_kafka_conf_set(conf.get(), "bootstrap.servers", brokers_.c_str(), error.data(), error.size()) !=
      RD_KAFKA_CONF_OK) {
    return usage_error("-b: {}", error.data());
  }
  return conf.release();
}

Result<std::string> KafkaConfig::dump() const {
  STREAM_ASSIGN(rd_kafka_conf_s * raw, build());
  const ConfPtr conf(raw);
  size_t count = 0;
  const char** pairs = rd_kafka_conf_dump(conf.get(), &count);
  std::vector<std::string> lines;
  for (size_t i = 0; i + 1 < count; i += 2) {
    const bool secret = is_secret(pairs[i]) && pairs[i + 1] != nullptr && *pairs[i + 1] != '\0';
    lines.push_back(fmt::format("{} = {}\n", pairs[i], secret ? "[redacted]" : pairs[i + 1]));
  }
  rd_kafka_conf_dump_free(pairs, count);
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace streamutils
