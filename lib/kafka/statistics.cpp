// SPDX-License-Identifier: Apache-2.0
#include "lib/kafka/statistics.hpp"

#include <charconv>
#include <unordered_set>

#include "lib/json/text.hpp"

namespace streamutils::kafka {
namespace {

// The long poll of a fetch returns after fetch.wait.max.ms (100 ms) even when there is nothing: 1.5 s without a word is
// silence.
constexpr int64_t kSilenceUs = 1'500'000;

int64_t number(std::string_view raw, int64_t otherwise) {
  int64_t value = otherwise;
  std::from_chars(raw.data(), raw.data() + raw.size(), value);
  return value;
}

std::string_view name_of(const RecordParser::Member& member) {
  return member.raw_key.substr(1, member.raw_key.size() - 2);
}

}  // namespace

StatisticsParser::StatisticsParser() : parser_(FieldSet(), {.max_bytes = size_t{1} << 28, .max_depth = 64}) {}

StatisticsParser::Members StatisticsParser::members(std::string_view object) {
  Members found;
  if (parser_.parse_members(object, found) != ParseError::none) found.clear();
  return found;
}

Statistics StatisticsParser::parse(std::string_view json) {
  Statistics statistics;
  std::unordered_set<int64_t> answering;
  std::string_view topics;
  for (const auto& top : members(json)) {
    if (top.raw_key == "\"topics\"") topics = top.value.raw;
    if (top.raw_key != "\"brokers\"") continue;
    for (const auto& broker : members(top.value.raw)) {
      int64_t id = -1, idle = -1;
      bool up = false;
      for (const auto& m : members(broker.value.raw)) {
        if (m.raw_key == "\"nodeid\"") id = number(m.value.raw, -1);
        if (m.raw_key == "\"state\"") up = m.value.raw == "\"UP\"";
        if (m.raw_key == "\"rxidle\"") idle = number(m.value.raw, -1);
      }
      if (up) statistics.any_broker_up = true;
      if (up && idle >= 0 && idle < kSilenceUs) answering.insert(id);
    }
  }
  if (topics.empty()) return statistics;
  for (const auto& topic : members(topics)) {
    for (const auto& field : members(topic.value.raw)) {
      if (field.raw_key != "\"partitions\"") continue;
      for (const auto& partition : members(field.value.raw)) {
        PartitionStatistics p;
        p.topic = std::string(name_of(topic));
        p.partition = static_cast<int32_t>(number(name_of(partition), -1));
        if (p.partition < 0) continue;  // librdkafka's internal "unassigned" partition
        for (const auto& m : members(partition.value.raw)) {
          if (m.raw_key == "\"ls_offset\"") p.log_end = number(m.value.raw, -1);
          if (m.raw_key == "\"next_offset\"") p.next_offset = number(m.value.raw, -1);
          if (m.raw_key == "\"eof_offset\"") p.eof_offset = number(m.value.raw, -1);
          if (m.raw_key == "\"broker\"") {
            const int64_t broker = number(m.value.raw, -1);
            p.has_broker = broker >= 0;
            p.leader_answers = answering.contains(broker);
          }
        }
        statistics.partitions.push_back(std::move(p));
      }
    }
  }
  return statistics;
}

}  // namespace streamutils::kafka
