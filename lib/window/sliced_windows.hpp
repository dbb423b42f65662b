// SPDX-License-Identifier: Apache-2.0
// Tumbling, sliding and cumulating windows. A record is added to the row of its key and slice; a window that fires
// merges its slices' rows.
//
// Complexity: a record costs two look-ups whatever size / slide is; a firing costs one merge per key and slice of the
// window. What is kept: rows until the last window of their slice is gone; for windows that were fired and can be fired
// again, the next revision of each key.
#pragma once
#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "lib/window/key_table.hpp"
#include "lib/window/window_set.hpp"
#include "lib/window/written_windows.hpp"

namespace streamutils::window {

class SlicedWindows final : public WindowSet {
 public:
  explicit SlicedWindows(SetContext& context);
  ~SlicedWindows() override;

  Added add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) override;
  void advance(EventTime watermark) override;
  void fire_early() override;
  Status visit(const Visit& visit) override;
  void save(StateWriter& out) const override;
  bool load(StateReader& in) override;

 private:
  struct SliceRow {
    int64_t start;
    char* row;
    bool touched;  // changed since the last fire_early(), and listed in touched_
  };
  /// A key's rows in order of time.
  using Rows = boost::container::small_vector<SliceRow, 1>;
  struct Slice {
    SliceBounds bounds;
    std::vector<KeyId> keys;
  };
  struct Ready {
    int64_t end;
    KeyId key;
    Firing firing;
  };
  struct Fired {
    uint32_t next_revision = 0;
    bool pending = false;  // a correction waits for its time
  };
  struct Window {
    boost::unordered_flat_map<KeyId, Fired> keys;
    std::vector<KeyId> pending;
    boost::unordered_flat_map<KeyId, Standing> standing;  // results that can be withdrawn; only with --having
  };

  SliceRow& find_row(KeyId key, const SliceBounds& slice);
  void correct(KeyId key, const SliceBounds& slice);
  /// Fires each of `keys` (sorted here) for the window that ends at `end`.
  void fire(int64_t end, std::vector<KeyId>& keys, Firing firing);
  void fire_on_time(int64_t after);
  void fire_pending();
  /// What is kept of the results of the window that ends at `end`; null when nothing is.
  Window* results_of(int64_t end);
  void fire_key(Interval window, KeyId key, Firing firing, Window* state);
  void give(Interval window, KeyId key, const char* row, Firing firing, Window* state);
  /// The key's rows in the window, in order of time.
  std::pair<SliceRow*, SliceRow*> rows_of(Interval window, KeyId key);
  /// Every key with a record in the window, once.
  void collect_keys(Interval window, std::vector<KeyId>& keys);
  void forget();
  void forget_written();
  /// With --fill: writes ready_ and the windows without records that are between those and others of their key.
  void fire_ready();
  void fill(Interval window, KeyId key);
  void set_slice(const SliceBounds& slice);

  SliceAssigner assigner_;
  KeyTable<Rows> keys_;
  std::map<int64_t, Slice> slices_;                 // by start
  std::map<int64_t, Window> windows_;               // by end; only with keeps_results()
  std::set<std::pair<int64_t, int64_t>> due_;       // (when, window end) of pending corrections
  std::vector<std::pair<int64_t, KeyId>> touched_;  // (slice start, key); entries may be stale
  SliceBounds slice_;                               // of the last record: the next is mostly in it too
  bool slice_open_ = false;                         // none of its windows has fired
  std::vector<KeyId> firing_;
  std::optional<WrittenWindows> written_;  // only with --fill
  std::vector<Ready> ready_;               // only with --fill: what is to be written, in order of end, then key bytes
  std::vector<uint32_t> marks_;            // by key: seen by the collect_keys() that had this number
  uint32_t mark_ = 0;
};

}  // namespace streamutils::window
