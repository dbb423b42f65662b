// SPDX-License-Identifier: Apache-2.0
// Windows of N records of one key, in the order they arrive, whatever their event times.
//
// A window is written with its N-th record; at the end of the input, those that are not full. Its bounds are those of
// its records' times: [smallest, largest + 1 us). So nothing is late, the watermark fires nothing, and results can be
// behind it. Several windows of a key can have the same bounds, so they are numbered. The number of a key's next window
// is kept to the end: keys are not forgotten before.
#pragma once
#include <vector>

#include "lib/window/key_table.hpp"
#include "lib/window/window_set.hpp"

namespace streamutils::window {

class CountWindows final : public WindowSet {
 public:
  explicit CountWindows(SetContext& context)
      : WindowSet(context), size_(static_cast<uint64_t>(context.settings.count)) {}
  ~CountWindows() override;

  Added add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) override;
  void advance(EventTime watermark) override;
  void fire_early() override {}
  Status visit(const Visit& visit) override;
  void save(StateWriter& out) const override;
  bool load(StateReader& in) override;

 private:
  struct Counted {
    char* row = nullptr;  // of the open window; null when no record has come since the last
    uint64_t records = 0;
    uint64_t number = 0;  // of the open window
    int64_t first = 0, last = 0;
    [[nodiscard]] Interval bounds() const { return {first, last + 1}; }
  };
  void fire(KeyId key);
  /// The keys with an open window, by its end, then key bytes.
  [[nodiscard]] std::vector<KeyId> open_keys() const;
  void forget_all();

  uint64_t size_;
  KeyTable<Counted> keys_;
};

}  // namespace streamutils::window
