// SPDX-License-Identifier: Apache-2.0
// A sink without a store: records in, the calls on Effects out as text.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/ssink-redis/plan.hpp"

namespace streamutils::ssink_redis {

class RecordedEffects final : public redis::Effects {
 public:
  std::vector<std::string> calls;

  void hash_set(std::string_view key, std::span<const redis::Field> fields) override { say("hset", key, fields); }
  void hash_delete(std::string_view key, std::span<const std::string_view> names) override {
    std::string text = fmt::format("hdel {}", key);
    for (const auto name : names) text += fmt::format(" {}", name);
    calls.push_back(text);
  }
  void zset_add(std::string_view key, std::string_view score, std::string_view member) override {
    calls.push_back(fmt::format("zadd {} {} {}", key, score, member));
  }
  void zset_remove(std::string_view key, std::string_view member) override {
    calls.push_back(fmt::format("zrem {} {}", key, member));
  }
  void counter_add(std::string_view key, const Decimal& amount) override {
    calls.push_back(fmt::format("add {} {}", key, amount.to_json()));
  }
  void string_set(std::string_view key, std::string_view value) override {
    calls.push_back(fmt::format("set {} {}", key, value));
  }
  void string_delete(std::string_view key) override { calls.push_back(fmt::format("del {}", key)); }
  void stream_append(std::string_view key, std::span<const redis::Field> fields) override { say("xadd", key, fields); }
  void publish(std::string_view channel, std::string_view payload) override {
    calls.push_back(fmt::format("publish {} {}", channel, payload));
  }

 private:
  void say(std::string_view verb, std::string_view key, std::span<const redis::Field> fields) {
    std::string text = fmt::format("{} {}", verb, key);
    for (const auto& field : fields) text += fmt::format(" {}={}", field.name, field.value);
    calls.push_back(text);
  }
};

/// Results with key `k`, windows in seconds.
struct Fixture {
  explicit Fixture(const Options& options, bool results = true)
      : reader(parse_targets(options).ok() ? *parse_targets(options) : Targets{}),
        planner(reader.targets(), memory, effects) {
    EXPECT_TRUE(parse_targets(options).ok());
    Open open;
    open.results = results;
    open.keys = {"k"};
    open.time = TimeField{"window_end", TimeUnit::s, Duration{-1}};
    open.lateness = Duration{5'000'000};
    EXPECT_TRUE(reader.open(open).ok());
    memory.set_lateness(open.lateness);
  }

  /// The effects of one record, or its reason when it is invalid.
  std::vector<std::string> feed(std::string record, UnitId unit = 0) {
    effects.calls.clear();
    const size_t size = record.size();
    record.append(kJsonPadding, '\0');
    const auto reason = reader.read(std::string_view(record).substr(0, size), row);
    if (!reason.empty()) return {std::string(reason)};
    outcome = reader.results() ? planner.result(unit, row) : planner.record(row);
    return effects.calls;
  }

  RowReader reader;
  SinkMemory memory;
  RecordedEffects effects;
  Planner planner;
  Row row;
  Outcome outcome = Outcome::written;
};

using Calls = std::vector<std::string>;

/// A result of window [start, end) of key `k`; `rest` as `,"n":1`.
inline std::string result(std::string_view k, int start, int end, std::string_view rest, int revision,
                          bool retracted = false) {
  return fmt::format(R"({{"window_start":{},"window_end":{},"k":"{}"{},"firing":"on-time","revision":{}{}}})", start,
                     end, k, rest, revision, retracted ? R"(,"retracted":true)" : "");
}

}  // namespace streamutils::ssink_redis
