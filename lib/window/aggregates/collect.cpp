// SPDX-License-Identifier: Apache-2.0
// collect(f, max): the first `max` values as an array, in order of event time and among equal times of arrival; later
// ones are cut (ARRAY_AGG of SQL with an order and a limit). Any JSON value but null; each is written as it stood in
// the record, arrays and objects minified. Null over no values.
//
// Exact: what is cut is decided by event time, not by arrival, so merging and order do not matter. At most 2 * max
// values of at most 4 KiB are held; larger ones are refused: "value_too_large". Adding takes O(log max), amortized.
#include <algorithm>

#include "lib/json/record_parser.hpp"
#include "lib/json/text.hpp"
#include "lib/window/aggregates/canonical.hpp"
#include "lib/window/aggregates/makers.hpp"

namespace streamutils::window {

namespace {

constexpr size_t kMaxCollected = 10'000;

/// 56 bytes, and 40 and the text for each value.
class CollectState {
 public:
  static constexpr bool kChecks = true;
  static std::string_view check(const JsonValue& value) { return check_size(value); }

  explicit CollectState(size_t max = 1) : max_(max) {}

  void add(const JsonValue& value, EventTime time, expr::Scratch&) { add(value.raw, time); }
  /// `other` counts as arrived later.
  void merge(const CollectState& other) {
    for (const Entry& entry : other.entries_) add(entry.raw, entry.time);
  }

  void append(std::string& out) const {
    if (entries_.empty()) {
      out += "null";
      return;
    }
    char before = '[';
    for (const Entry* entry : kept()) {
      out += before;
      append_minified(out, entry->raw);
      before = ',';
    }
    out += ']';
  }
  [[nodiscard]] size_t extra_bytes() const { return entries_.capacity() * sizeof(Entry) + text_bytes_; }
  // Saved: u32 number, and for each in their order: i64 event time | text
  void save(StateWriter& out) const {
    const std::vector<const Entry*> entries = kept();
    out.u32(static_cast<uint32_t>(entries.size()));
    for (const Entry* entry : entries) {
      out.i64(entry->time.us);
      out.text(entry->raw);
    }
  }
  bool load(StateReader& in) {
    const uint32_t size = in.u32();
    if (!in.ok() || size > max_) return false;
    for (uint32_t i = 0; i < size; ++i) {
      const EventTime time{in.i64()};
      const std::string_view raw = in.text();
      if (!in.ok() || !is_json_value(raw)) return false;
      if (!entries_.empty() && time < entries_.back().time) return false;
      add(raw, time);
    }
    return true;
  }

 private:
  struct Entry {
    EventTime time;
    std::string raw;
  };

  void add(std::string_view raw, EventTime time) {
    if (full_ && time >= last_) return;
    entries_.push_back({time, std::string(raw)});
    text_bytes_ += own_bytes(entries_.back());
    in_order_ = in_order_ && (entries_.size() == 1 || time >= entries_[entries_.size() - 2].time);
    if (entries_.size() >= 2 * max_ || (in_order_ && entries_.size() == max_)) cut();
  }
  /// In order, and no more than are wanted. From here on only what comes before the last one is taken.
  void cut() {
    if (!in_order_) {
      std::stable_sort(entries_.begin(), entries_.end(),
                       [](const Entry& a, const Entry& b) { return a.time < b.time; });
      in_order_ = true;
    }
    if (entries_.size() > max_) entries_.resize(max_);
    text_bytes_ = 0;
    for (const Entry& entry : entries_) text_bytes_ += own_bytes(entry);
    full_ = true;
    last_ = entries_.back().time;
  }
  [[nodiscard]] std::vector<const Entry*> kept() const {
    std::vector<const Entry*> sorted;
    sorted.reserve(entries_.size());
    for (const Entry& entry : entries_) sorted.push_back(&entry);
    if (!in_order_) {
      std::stable_sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) { return a->time < b->time; });
    }
    if (sorted.size() > max_) sorted.resize(max_);
    return sorted;
  }
  static size_t own_bytes(const Entry& entry) { return entry.raw.capacity() > 15 ? entry.raw.capacity() + 1 : 0; }

  std::vector<Entry> entries_;  // those of equal times in order of arrival
  size_t max_ = 0;
  size_t text_bytes_ = 0;  // of values that have memory of their own
  EventTime last_;         // when full_: what does not come before it is cut
  bool full_ = false;
  bool in_order_ = true;
};

class CollectAccumulator final : public StateAccumulator<CollectState> {
 public:
  explicit CollectAccumulator(size_t max) : max_(max) {}
  void init(char* state) const override { new (state) CollectState(max_); }

 private:
  size_t max_;
};

}  // namespace

Result<Aggregate> make_collect(const expr::AggregateItem& call) {
  STREAM_ASSIGN(const size_t max, require_field_and_number(call, kMaxCollected, "order_id, 10"));
  Aggregate collect =
      make_aggregate<CollectState>("collect", [](std::string& out, const CollectState& state) { state.append(out); });
  collect.accumulator = std::make_unique<CollectAccumulator>(max);
  collect.shape = fmt::format(", {}", max);
  return collect;
}

}  // namespace streamutils::window
