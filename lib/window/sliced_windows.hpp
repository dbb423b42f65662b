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

#include "lib/window/active_keys.hpp"
#include "lib/window/slices.hpp"
#include "lib/window/sliding_merge.hpp"
#include "lib/window/window_set.hpp"
#include "lib/window/written_windows.hpp"

namespace streamutils::window {

class SlicedWindows final : public WindowSet {
 public:
  explicit SlicedWindows(SetContext& context);
  ~SlicedWindows() override;

  void expect(std::span<KeyedRecord> records) override;
  void settle(expr::Scratch& scratch) override;
  Added add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) override;
  void advance(EventTime watermark) override;
  void fire_early() override;
  Status visit(const Visit& visit) override;
  void save(StateWriter& out) const override;
  bool load(StateReader& in) override;

 private:
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
  /// About where in `rows`, which are not empty, the slice that begins at `start` is.
  [[nodiscard]] size_t guess_place(std::span<const SliceRow> rows, int64_t start) const {
    const double behind = (static_cast<double>(rows.back().start) - static_cast<double>(start)) * rows_per_us_;
    const size_t last = rows.size() - 1;
    if (!(behind > 0)) return last;
    return behind < static_cast<double>(last) ? last - static_cast<size_t>(behind) : 0;
  }
  /// Returns when all that was settled is in the rows. REQUIRED before any row is read, changed or released.
  void finish() const {
    if (deferred_) deferred_->finish();
  }
  void count_density();
  void correct(KeyId key, const SliceBounds& slice);
  /// Fires each of `keys`, which are sorted, for the window that ends at `end`.
  void fire(int64_t end, std::span<const KeyId> keys, Firing firing);
  /// The same on time where windows overlap.
  void fire_merged(Interval window, std::span<const KeyId> keys, Window* state);
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
  void prefetch_rows(KeyId key) const;
  void forget();
  void forget_written();
  /// With --fill: writes ready_ and the windows without records that are between those and others of their key.
  void fire_ready();
  void fill(Interval window, KeyId key);
  void set_slice(const SliceBounds& slice);

  SliceAssigner assigner_;
  bool touches_ = false;    // what changes is marked
  double rows_per_us_ = 0;  // of a key, on average
  SliceKeys keys_;
  Slices slices_;
  std::map<int64_t, Window> windows_;               // by end; only with keeps_results()
  std::set<std::pair<int64_t, int64_t>> due_;       // (when, window end) of pending corrections
  std::vector<std::pair<int64_t, KeyId>> touched_;  // (slice start, key); entries may be stale
  SliceBounds slice_;                               // of the last record: the next is mostly in it too
  bool slice_open_ = false;                         // none of its windows has fired
  std::vector<KeyId> firing_;
  struct Expected {
    KeyId key;
    int64_t time;
  };
  std::vector<Expected> expected_;
  // Expected records that are in rows no window of which has fired: they are added together.
  std::vector<Addition> additions_;
  std::unique_ptr<DeferredAdditions> deferred_;  // what is left of them, when there are other threads
  std::optional<WrittenWindows> written_;        // only with --fill
  std::vector<Ready> ready_;  // only with --fill: what is to be written, in order of end, then key bytes
  SlidingMerge merges_;
  ActiveKeys active_{keys_, slices_};
};

}  // namespace streamutils::window
