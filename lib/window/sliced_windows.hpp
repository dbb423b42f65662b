// SPDX-License-Identifier: Apache-2.0
// Tumbling, sliding and cumulating windows. A record is added to the row of its key and slice; a window that fires
// merges its slices' rows.
//
// Complexity: a record costs two look-ups whatever size / slide is; a slice is merged three times in all
// however many windows fire with it on time (sliding_merge.hpp), and an early or late firing merges the slices of its
// window. What is kept: rows until the last window of their slice is gone; for windows that were fired and can be fired
// again, the next revision of each key.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "lib/window/compact_vector.hpp"
#include "lib/window/key_table.hpp"
#include "lib/window/sliding_merge.hpp"
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
  /// 16 bytes, since there is one for each key and slice.
  class SliceRow {
   public:
    SliceRow() = default;
    SliceRow(int64_t slice_start, char* row) : start(slice_start), tagged_(reinterpret_cast<uintptr_t>(row)) {}
    [[nodiscard]] char* row() const { return reinterpret_cast<char*>(tagged_ & ~uintptr_t{1}); }
    /// Changed since it was last given (with --partial) or since the last fire_early(), for which it is in touched_.
    [[nodiscard]] bool touched() const { return (tagged_ & 1) != 0; }
    void set_touched(bool touched) { tagged_ = (tagged_ & ~uintptr_t{1}) | uintptr_t{touched}; }
    int64_t start;

   private:
    uintptr_t tagged_;  // rows are aligned: their last bit is free
  };
  /// A key's rows in order of time.
  using Rows = CompactVector<SliceRow>;
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
  /// Fires each of `keys`, which are sorted, for the window that ends at `end`.
  void fire(int64_t end, std::span<const KeyId> keys, Firing firing);
  void fire_on_time(int64_t after);
  void fire_pending();
  /// What is kept of the results of the window that ends at `end`; null when nothing is.
  Window* results_of(int64_t end);
  void fire_key(Interval window, KeyId key, Firing firing, Window* state);
  /// With --partial: gives what was added to the row since it was last given, and empties it.
  void fire_delta(Interval window, KeyId key, Firing firing, Window* state);
  void touch(SliceRow& row, KeyId key);
  /// `rows`: those of the key in the window.
  void fire_key(Interval window, KeyId key, std::span<const SliceRow> rows, Firing firing, Window* state);
  void give(Interval window, KeyId key, const char* row, Firing firing, Window* state);
  /// The key's rows in the window, in order of time.
  std::span<const SliceRow> rows_of(Interval window, KeyId key);
  /// Makes active_ the keys with a record in the window, and perhaps some with later ones only.
  void make_active(Interval window);
  /// Every key with a record in the window, once.
  void collect_keys(Interval window, std::vector<KeyId>& keys);
  void next_mark();
  void prefetch_rows(KeyId key) const;
  void forget();
  void forget_written();
  /// With --fill: writes ready_ and the windows without records that are between those and others of their key.
  void fire_ready();
  void fill(Interval window, KeyId key);
  void set_slice(const SliceBounds& slice);

  SliceAssigner assigner_;
  bool touches_ = false;  // what changes is marked
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
  SlidingMerge merges_;
  // The keys of the window that fired last, sorted: the next one has most of them.
  std::vector<KeyId> active_;
  Interval active_window_;
  std::vector<KeyId> erased_, joined_;  // since then: numbers that may have been given to others; keys of late records
};

}  // namespace streamutils::window
