// SPDX-License-Identifier: Apache-2.0
// One window for all time, per key.
//
// It is written early, when that is asked for, and at the end of the input. It has no bounds, so nothing is late and
// the watermark fires nothing. Keys are kept to the end.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "lib/window/key_table.hpp"
#include "lib/window/window_set.hpp"

namespace streamutils::window {

class GlobalWindows final : public WindowSet {
 public:
  explicit GlobalWindows(SetContext& context) : WindowSet(context) {}
  ~GlobalWindows() override;

  Added add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) override;
  void advance(EventTime watermark) override;
  void fire_early() override;
  Status visit(const Visit& visit) override;
  void save(StateWriter& out) const override;
  bool load(StateReader& in) override;

 private:
  struct Held {
    char* row = nullptr;
    uint32_t next_revision = 0;
    bool touched = false;                // changed since the last fire_early(), and listed in touched_
    std::unique_ptr<Standing> standing;  // only with --having
  };
  /// Fires each of `keys`, sorted here.
  void fire(std::vector<KeyId>& keys, Firing firing);
  [[nodiscard]] std::vector<KeyId> all_keys() const;
  void forget_all();

  KeyTable<Held> keys_;
  std::vector<KeyId> touched_;
};

}  // namespace streamutils::window
