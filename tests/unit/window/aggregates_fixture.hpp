// SPDX-License-Identifier: Apache-2.0
// A plan over records given as text, for the tests of the aggregates.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/expr/aggregate_list.hpp"
#include "lib/json/record_parser.hpp"
#include "lib/window/aggregates/plan.hpp"

namespace streamutils::window {

/// One record; `time` in seconds.
struct TestRecord {
  int64_t time = 0;
  std::string json;
};

class TestPlan {
 public:
  explicit TestPlan(std::string_view list) {
    auto parsed = expr::parse_aggregates(list, fields_);
    EXPECT_TRUE(parsed.ok()) << parsed.status().message();
    if (!parsed.ok()) return;
    auto plan = AggregatePlan::create(*std::move(parsed), fields_);
    EXPECT_TRUE(plan.ok()) << plan.status().message();
    if (plan.ok()) plan_ = std::make_unique<AggregatePlan>(*std::move(plan));
    values_.resize(fields_.size());
    parser_ = std::make_unique<RecordParser>(fields_);
  }

  [[nodiscard]] const AggregatePlan& plan() const { return *plan_; }

  std::string_view check(std::string_view record) {
    parse(record);
    return plan_->check(values_, scratch_);
  }
  void add(char* row, const TestRecord& record) {
    parse(record.json);
    EXPECT_EQ(plan_->check(values_, scratch_), "") << record.json;
    plan_->add(row, values_, EventTime{record.time * 1'000'000}, scratch_);
  }
  /// Adds all at once, each to its row. REQUIRES: at most kMostAdditions.
  void add(std::span<const std::pair<char*, TestRecord>> records) {
    std::vector<std::string> texts(records.size());
    std::vector<JsonValue> values(records.size() * fields_.size());
    std::vector<Addition> additions;
    for (size_t i = 0; i < records.size(); ++i) {
      const auto& [row, record] = records[i];
      texts[i] = record.json + std::string(kJsonPadding, ' ');
      const std::span<JsonValue> own = std::span(values).subspan(i * fields_.size(), fields_.size());
      ASSERT_EQ(parser_->parse(std::string_view(texts[i]).substr(0, record.json.size()), own), ParseError::none);
      additions.push_back({row, own.data(), EventTime{record.time * 1'000'000}});
    }
    plan_->add(additions, scratch_);
  }
  std::string results(const char* row, Interval window = {}) {
    std::string out;
    plan_->append_results(out, row, window, scratch_);
    return out;
  }
  [[nodiscard]] std::string saved(const char* row) const {
    StateWriter writer;
    plan_->save(row, writer);
    return writer.bytes();
  }

 private:
  void parse(std::string_view record) {
    text_ = record;
    text_.append(kJsonPadding, ' ');
    const ParseError error = parser_->parse(std::string_view(text_).substr(0, record.size()), values_);
    ASSERT_EQ(error, ParseError::none) << record;
  }

  FieldSet fields_;
  std::unique_ptr<AggregatePlan> plan_;
  std::unique_ptr<RecordParser> parser_;
  std::vector<JsonValue> values_;
  std::string text_;
  expr::Scratch scratch_;
};

/// A row of a plan.
class TestRow {
 public:
  explicit TestRow(const TestPlan& plan) : plan_(plan.plan()), words_(plan_.row_bytes() / 8 + 1, ~uint64_t{0}) {
    plan_.init(data());
  }
  ~TestRow() { plan_.destroy(data()); }
  TestRow(const TestRow&) = delete;
  TestRow& operator=(const TestRow&) = delete;
  char* data() { return reinterpret_cast<char*>(words_.data()); }

 private:
  const AggregatePlan& plan_;
  std::vector<uint64_t> words_;
};

/// The results of `list` over records that arrive in this order, all at time 0.
inline std::string aggregated(std::string_view list, const std::vector<std::string>& records) {
  TestPlan plan(list);
  TestRow row(plan);
  for (const std::string& record : records) plan.add(row.data(), {0, record});
  return plan.results(row.data());
}

/// The result `x` of one call over the values of field v, without its name.
inline std::string aggregated_values(const std::string& call, const std::vector<std::string>& values) {
  std::vector<std::string> records;
  for (const std::string& value : values) records.push_back("{\"v\":" + value + "}");
  const std::string out = aggregated("x=" + call, records);
  return out.substr(std::string_view(",\"x\":").size());
}

}  // namespace streamutils::window
