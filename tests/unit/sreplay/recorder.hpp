// SPDX-License-Identifier: Apache-2.0
// Keeps what a source gives, each item as one text, the `open` without what changes from run to run.
#pragma once
#include <string>
#include <vector>

#include "lib/stream/control_json.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils {

class Recorder final : public Output {
 public:
  explicit Recorder(const Units& units) : units_(units) {}
  Status records(const Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      items.push_back(units_.name(batch.unit) + "@" + std::to_string(batch.offset(i)) + " " +
                      std::string(batch.record(i)));
    }
    return {};
  }
  Status control(const Control& item) override {
    if (std::holds_alternative<Open>(item)) {
      items.emplace_back("open");
    } else if (const auto* side = std::get_if<SideRecord>(&item)) {
      items.push_back("side " + units_.name(side->unit) + "@" + std::to_string(side->offset) + " " +
                      std::string(side->reason));
    } else {
      append_control(items.emplace_back(), item, units_);
    }
    return {};
  }
  /// The records and side records alone.
  [[nodiscard]] std::vector<std::string> data() const {
    std::vector<std::string> out;
    for (const std::string& item : items) {
      if (!item.starts_with("{\"$stream\"") && item != "open") out.push_back(item);
    }
    return out;
  }

  std::vector<std::string> items;

 private:
  const Units& units_;
};

/// A world with a clock that stands still.
struct FakeWorld {
  FakeClock clock;
  NullLog log;
  Metrics metrics;
  Units units;
  StopFlag stop;
  Waiter waiter{stop, -1};
  Context context{clock, log, metrics, units};
};

}  // namespace streamutils
