// SPDX-License-Identifier: Apache-2.0
// The windows of one scope: all units together, or one unit. Records go in, results come out as the watermark rises.
//
// Thread rule: one thread.
// Invariants:
//  1. The watermark never falls. A window is gone when W >= end + allowed lateness, and stays so: also when a set is
//     restored with a larger lateness.
//  2. What is fired by one call is in order of window end, then key bytes (with --top, then rank); counted windows that
//     records complete in order of those.
//  3. The output is a function of the calls, never of memory addresses, hashes or the clock.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/json/value.hpp"
#include "lib/window/assigner.hpp"
#include "lib/window/result_writer.hpp"
#include "lib/window/row_pool.hpp"
#include "lib/window/settings.hpp"

namespace streamutils::window {

struct KeyedRecord {
  std::string_view key;
  int64_t time = 0;  ///< of a partial: the last microsecond of its window
  std::span<const JsonValue> values;
  const char* partial = nullptr;  ///< a row that is merged, in place of values that are added
  int64_t start = 0;              ///< of the partial's window
  std::optional<uint32_t> hash;   ///< of the key, where WindowSet::expect() has set it
};

/// What all sets of an operator share; outlives them.
struct SetContext {
  const WindowSettings& settings;
  const AggregatePlan& plan;
  RowPool& rows;
  ResultWriter& results;
  int64_t keys = 0;            ///< held by all sets
  int64_t open = 0;            ///< rows held by all sets: one per key and slice, or per session
  Workers* workers = nullptr;  ///< null: there is one thread

  [[nodiscard]] bool full() const { return keys >= settings.max_keys; }
  void add(char* row, const KeyedRecord& record, expr::Scratch& scratch) const {
    if (record.partial) {
      plan.merge(row, record.partial);
    } else {
      plan.add(row, record.values, EventTime{record.time}, scratch);
    }
  }
};

/// A result that was written and can be withdrawn: what the withdrawal has to repeat.
struct Standing {
  std::string aggregates;
  Firing firing = Firing::early;

  void save(StateWriter& out) const;
  bool load(StateReader& in);
};

class WindowSet {
 public:
  enum class Added : uint8_t {
    yes,
    late,           ///< all its windows are gone
    unassigned,     ///< it has no window
    out_of_range,   ///< a bound of one of its windows is beyond int64 microseconds
    straddles,      ///< a partial that is neither inside nor outside of each window
    too_many_keys,  ///< its key is new, and as many keys as are allowed are held
  };

  static std::unique_ptr<WindowSet> create(SetContext& context);
  explicit WindowSet(SetContext& context) : context_(context) {}
  virtual ~WindowSet() = default;
  WindowSet(const WindowSet&) = delete;
  WindowSet& operator=(const WindowSet&) = delete;

  /// These records, at most kMostAdditions, are the next to be added: what they need is asked for from
  /// memory. Their values live until settle() is called, when add() was called for the last of them that is added.
  virtual void expect(std::span<KeyedRecord>) {}
  virtual void settle(expr::Scratch&) {}
  /// Adds a record and fires what it corrects. On `late`, `last_window` is the last of its windows.
  virtual Added add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) = 0;
  /// Fires what `watermark` completes and forgets what is gone. kAfterAll is the end: all is fired and forgotten.
  /// REQUIRES: above watermark().
  virtual void advance(EventTime watermark) = 0;
  /// Fires the open windows that changed since they were last fired.
  virtual void fire_early() = 0;

  /// A window of one key that is not gone, with what it would give if it were fired now.
  struct View {
    std::string_view key;
    Interval window;
    const char* row = nullptr;   ///< as AggregatePlan::append_results() takes it; lives as long as the call
    bool fired = false;          ///< W has passed its end: what is still to come are corrections
    uint32_t next_revision = 0;  ///< that its next result will have
    uint64_t number = 0;         ///< with counted windows
  };
  using Visit = std::function<Status(const View&)>;
  /// Calls `visit` for each, in order of window end, then key bytes, until it fails. Changes nothing that is saved.
  virtual Status visit(const Visit& visit) = 0;

  virtual void save(StateWriter& out) const = 0;
  /// Into a new set. False when the bytes are not a saved set of these settings.
  virtual bool load(StateReader& in) = 0;

  [[nodiscard]] EventTime watermark() const { return watermark_; }

 protected:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  [[nodiscard]] bool gone(int64_t end) const { return end <= horizon_; }
  [[nodiscard]] bool fired(int64_t end) const { return end <= watermark_.us; }
  /// When a window that ends at `end` will be gone; kNever when that is beyond int64.
  [[nodiscard]] int64_t gone_at(int64_t end) const {
    int64_t sum = 0;
    return __builtin_add_overflow(end, context_.settings.allowed_lateness.us, &sum) ? kNever : sum;
  }
  /// When a correction of the window that ends at `end` is to be fired, being made now under --late-fire.
  [[nodiscard]] int64_t correction_due(int64_t end) const;
  /// Does a window's result stand for a while after it was fired, so that it can be corrected or withdrawn?
  [[nodiscard]] bool keeps_results() const {
    return context_.settings.allowed_lateness.us > 0 || context_.settings.early.has_value();
  }
  void set_watermark(EventTime watermark);
  void save_times(StateWriter& out) const;
  void load_times(StateReader& in);

  SetContext& context_;
  EventTime watermark_ = kBeforeAll;
  int64_t horizon_ = kBeforeAll.us;  // windows that end here or before are gone
};

}  // namespace streamutils::window
