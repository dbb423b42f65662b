// SPDX-License-Identifier: Apache-2.0
// A WindowOperator with a fake clock, fed with records as JSON; what comes out as lines.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/stream/control_json.hpp"
#include "lib/window/window_operator.hpp"

namespace streamutils::window {

/// Takes items down as lines: records as they are (with "unit: " in front unless it is "-"), others as the text
/// encoding has them.
class LineOutput final : public Output {
 public:
  explicit LineOutput(Units& units) : units_(units) {}
  Status records(const Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::string unit = batch.unit == Units::kStream ? "" : units_.name(batch.unit) + ": ";
      lines.push_back(unit + std::string(batch.record(i)));
    }
    return {};
  }
  Status control(const Control& item) override {
    if (std::holds_alternative<Open>(item)) {
      open = std::get<Open>(item);
      return {};
    }
    std::string line;
    append_control(line, item, units_);
    lines.push_back(line);
    return {};
  }
  std::vector<std::string> lines;
  Open open;

 private:
  Units& units_;
};

/// Keeps what is said, without its level.
class LineLog final : public Log {
 public:
  void write(Level, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

inline constexpr int64_t kSecond = 1'000'000;

/// Tumbling windows of 10 s, key k, n=count(), bounds as integer seconds.
inline WindowSettings plain_settings() {
  WindowSettings s;
  s.size = s.slide = Duration{10 * kSecond};
  s.keys = {"k"};
  s.aggregates = "n=count()";
  s.time_format = TimeFormat::s;
  return s;
}

class OperatorTest : public testing::Test {
 protected:
  void make(WindowSettings settings, Duration shift = {}) {
    auto made = WindowOperator::create(std::move(settings), context_);
    ASSERT_TRUE(made.ok()) << made.status().message();
    op_ = *std::move(made);
    Open open;
    open.time = TimeField{"t", TimeUnit::s, shift};
    open.lateness = Duration{kSecond};
    ASSERT_TRUE(op_->on_open(open, out_).ok());
  }
  Status try_record(const std::string& json, std::string_view unit = "-") {
    builder_.clear(units_.id(unit));
    builder_.append(json);
    return op_->on_records(builder_.batch(), out_);
  }
  void record(const std::string& json, std::string_view unit = "-") { EXPECT_TRUE(try_record(json, unit).ok()); }
  /// A record with event time and key "a".
  void at(int64_t seconds, std::string_view unit = "-") { record(fmt::format(R"({{"t":{},"k":"a"}})", seconds), unit); }
  void watermark(int64_t seconds, std::string_view unit = "-") {
    EXPECT_TRUE(op_->on_watermark({units_.id(unit), EventTime{seconds * kSecond}}, out_).ok());
  }
  void end(bool fire = true) { EXPECT_TRUE(op_->on_end({.fire = fire}, out_).ok()); }
  /// The lines since the last call.
  std::vector<std::string> take() { return std::exchange(out_.lines, {}); }
  /// The results since the last call, each as "[start,end) n firing revision", withdrawals with a minus in front; side
  /// records as their label.
  std::vector<std::string> results() {
    std::vector<std::string> found;
    for (const std::string& line : take()) {
      int64_t start = 0, stop = 0;
      int n = 0, revision = 0;
      char firing[16] = "";
      if (std::sscanf(line.c_str(),
                      R"({"window_start":%ld,"window_end":%ld,"k":"a","n":%d,"firing":"%15[a-z-]","revision":%d)",
                      &start, &stop, &n, firing, &revision) == 5) {
        const bool retracted = line.find(R"("retracted":true})") != std::string::npos;
        found.push_back(fmt::format("{}[{},{}) {} {} {}", retracted ? "-" : "", start, stop, n, firing, revision));
      } else if (line.find(R"("label":")") != std::string::npos) {
        const size_t from = line.find(R"("label":")") + 9;
        found.push_back(line.substr(from, line.find('"', from) - from));
      }
    }
    return found;
  }

  FakeClock clock_;
  LineLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  LineOutput out_{units_};
  BatchBuilder builder_;
  std::unique_ptr<WindowOperator> op_;
};

using Lines = std::vector<std::string>;

}  // namespace streamutils::window
