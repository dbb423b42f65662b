// SPDX-License-Identifier: Apache-2.0
// swindows one behind the other in one process.
#pragma once
#include "tests/unit/window/operator_fixture.hpp"

namespace streamutils::window {

class Chain {
 public:
  explicit Chain(std::vector<WindowSettings> stages)
      : stages_(std::move(stages)), operators_(stages_.size()), feeds_(stages_.size()) {
    make_all();
  }

  void record(const std::string& json, std::string_view unit = "-") {
    builder_.clear(units_.id(unit));
    builder_.append(json);
    EXPECT_TRUE(front().records(builder_.batch()).ok());
  }
  void watermark(int64_t us, std::string_view unit = "-") {
    EXPECT_TRUE(front().control(Watermark{units_.id(unit), EventTime{us}}).ok());
  }
  void assign(std::string_view unit, uint32_t in_all) {
    EXPECT_TRUE(front().control(Assign{.unit = units_.id(unit), .units_in_all = in_all}).ok());
  }
  void clock(Duration step) {
    clock_.advance(step);
    for (size_t i = 0; i < operators_.size(); ++i) EXPECT_TRUE(operators_[i]->on_deadline(output_of(i)).ok());
  }
  void end() { EXPECT_TRUE(front().control(End{.fire = true}).ok()); }
  /// Each operator is saved, and a new one goes on from there.
  void restart() {
    std::vector<std::string> saved;
    for (const auto& op : operators_) {
      StateWriter state;
      EXPECT_TRUE(op->snapshot(state).ok());
      saved.push_back(state.take());
    }
    make_all();
    for (size_t i = 0; i < stages_.size(); ++i) {
      StateReader in(saved[i]);
      const Status restored = operators_[i]->restore(in);
      EXPECT_TRUE(restored.ok()) << restored.message();
    }
  }
  std::vector<std::string> take() { return std::exchange(out_.lines, {}); }
  [[nodiscard]] const std::vector<std::string>& said() const { return log_.lines; }
  [[nodiscard]] const Open& open() const { return out_.open; }

 private:
  void make_all() {
    for (size_t i = stages_.size(); i-- > 0;) {
      auto made = WindowOperator::create(stages_[i], context_);
      ASSERT_TRUE(made.ok()) << made.status().message();
      operators_[i] = *std::move(made);
      feeds_[i] = std::make_unique<Feed>(*operators_[i], output_of(i));
    }
    Open open;
    open.time = TimeField{"t", TimeUnit::us, {}};
    ASSERT_TRUE(front().control(open).ok());
  }
  Output& output_of(size_t i) { return i + 1 < stages_.size() ? static_cast<Output&>(*feeds_[i + 1]) : out_; }
  Output& front() { return *feeds_.front(); }

  FakeClock clock_;
  LineLog log_;
  Metrics metrics_;
  Units units_;
  Context context_{clock_, log_, metrics_, units_};
  LineOutput out_{units_};
  BatchBuilder builder_;
  std::vector<WindowSettings> stages_;
  std::vector<std::unique_ptr<WindowOperator>> operators_;
  std::vector<std::unique_ptr<Feed>> feeds_;
};

}  // namespace streamutils::window
