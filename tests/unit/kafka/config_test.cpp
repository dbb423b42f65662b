// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/config.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace streamutils {
namespace {

using Role = KafkaConfig::Role;

Status refused(KafkaOptions options, Role role = Role::consumer) {
  Result<KafkaConfig> config = KafkaConfig::create(options, role);
  return config.ok() ? Status() : config.take_status();
}

class File {
 public:
  explicit File(const std::string& text) : path_(testing::TempDir() + "properties-" + std::to_string(getpid())) {
    std::ofstream(path_) << text;
  }
  ~File() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(KafkaConfig, BrokersComeFromTheOptionThenTheFileThenTheDefault) {
  const File file("bootstrap.servers = filehost:1\n");
  EXPECT_EQ((*KafkaConfig::create({.brokers = "here:2", .file = file.path()}, Role::consumer)).brokers(), "here:2");
  EXPECT_EQ((*KafkaConfig::create({.file = file.path()}, Role::consumer)).brokers(), "filehost:1");
  EXPECT_EQ((*KafkaConfig::create({}, Role::consumer)).brokers(), "localhost:9092");
}

TEST(KafkaConfig, PropertiesOverrideTheFileAndOurDefaults) {
  const File file("# comment\n\n  client.id = from-file \r\nqueued.max.messages.kbytes=77\n");
  const auto config = KafkaConfig::create({.file = file.path(), .properties = {"client.id=mine"}}, Role::consumer);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ((*config).get("client.id"), "mine");
  EXPECT_EQ((*config).get("queued.max.messages.kbytes"), "77");
  EXPECT_EQ((*config).get("enable.auto.commit"), "false");
  EXPECT_EQ((*config).get("isolation.level"), "read_committed");
}

TEST(KafkaConfig, TopicPrefixIsThatOfKcatUnlessItBelongsToTheName) {
  EXPECT_TRUE(refused({.properties = {"topic.consume.callback.max.messages=5"}}).ok());
  EXPECT_TRUE(refused({.properties = {"topic.metadata.refresh.interval.ms=500"}}).ok());
}

TEST(KafkaConfig, WhatBreaksThePromisesIsRefused) {
  for (const char* property :
       {"enable.auto.commit=true", "group.id=x", "auto.offset.reset=latest", "topic.auto.offset.reset=latest",
        "enable.partition.eof=false", "partition.assignment.strategy=cooperative-sticky"}) {
    const Status status = refused({.properties = {property}});
    EXPECT_EQ(status.code(), Code::usage) << property;
  }
  EXPECT_EQ(refused({.properties = {"enable.idempotence=false"}}, Role::producer).code(), Code::usage);
  EXPECT_EQ(refused({.properties = {"transactional.id=x"}}, Role::producer).code(), Code::usage);
}

TEST(KafkaConfig, PropertiesThatAreCodeNeedPermission) {
  for (const char* property :
       {"plugin.library.paths=/tmp/x.so", "sasl.kerberos.kinit.cmd=id", " plugin.library.paths = /tmp/x.so",
        "topic.plugin.library.paths=/tmp/x.so", "ssl.engine.location=/tmp/x.so"}) {
    const Status status = refused({.properties = {property}});
    EXPECT_EQ(status.code(), Code::usage) << property;
    EXPECT_NE(status.message().find("--allow-unsafe-config"), std::string_view::npos) << status.message();
  }
  EXPECT_TRUE(refused({.properties = {"sasl.kerberos.kinit.cmd=id"}, .allow_unsafe = true}).ok());
  const File file("sasl.kerberos.kinit.cmd=id\n");
  EXPECT_EQ(refused({.file = file.path()}).code(), Code::usage);
}

TEST(KafkaConfig, NoTextHoldsASecret) {
  const File file("sasl.password=hunter2\nssl.key.password=hunter2\n");
  const auto config = KafkaConfig::create({.file = file.path()}, Role::consumer);
  ASSERT_TRUE(config.ok()) << config.status().message();
  const auto dump = (*config).dump();
  ASSERT_TRUE(dump.ok());
  EXPECT_EQ((*dump).find("hunter2"), std::string::npos);
  EXPECT_NE((*dump).find("sasl.password = [redacted]"), std::string::npos);
  const File broken("sasl.password hunter2\n");
  EXPECT_EQ(refused({.file = broken.path()}).message().find("hunter2"), std::string_view::npos);
  const auto warned = KafkaConfig::create({.properties = {"sasl.password=hunter2"}}, Role::consumer);
  ASSERT_EQ((*warned).warnings().size(), 1U);
  EXPECT_EQ((*warned).warnings()[0].find("hunter2"), std::string::npos);
}

TEST(KafkaConfig, ErrorsNameThePlace) {
  const File file("client.id=a\nno.such.property=1\n");
  const Status status = refused({.file = file.path()});
  EXPECT_EQ(status.code(), Code::usage);
  EXPECT_NE(status.message().find(file.path() + ":2"), std::string_view::npos) << status.message();
  EXPECT_EQ(refused({.file = "/no/such/file"}).code(), Code::usage);
  EXPECT_EQ(refused({.file = "/"}).code(), Code::usage);
  EXPECT_EQ(refused({.properties = {"queued.max.messages.kbytes=lots"}}).code(), Code::usage);
  EXPECT_EQ(refused({.properties = {"novalue"}}).code(), Code::usage);
}

}  // namespace
}  // namespace streamutils
