// SPDX-License-Identifier: Apache-2.0
// Reads the event time of each record and emits bounded watermarks per unit.
//
// Invariants:
//  1. After each record of a unit: max = max(max, time), W = floor to the step of (max - bound); emitted, before the
//  next record, when it
//     rises. W depends on the order of the unit's records alone. (Flink's BoundedOutOfOrdernessWatermarks does the
//     same on a wall-clock timer.)
//  2. A record whose time cannot be read leaves as a side record `invalid`; one beyond --max-future as `early`. Neither
//  moves W.
//  3. A unit is idle only after an unbroken caught-up of `idle_after`; its next record makes it active, before that
//  record.
//  4. A restored unit's watermark is the one that was emitted last, whatever --bounded and --step are now: it rises
//  when the
//     records, by these, ask for more. A restored unit is active until it is proven idle again.
//  5. What explain() says is for people: it is not saved, and changes nothing of the stream.
#pragma once
#include <optional>
#include <vector>

#include "lib/json/record_parser.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/field_reader.hpp"
#include "lib/stream/operator.hpp"
#include "lib/stream/state_options.hpp"
#include "tools/swatermark/lateness.hpp"
#include "tools/swatermark/options.hpp"

namespace streamutils::swatermark {

class Swatermark final : public Operator {
 public:
  /// On failure: a usage error (field path, negative durations).
  static Result<std::unique_ptr<Swatermark>> create(const Options& options, Context& context);

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_watermark(const Watermark& item, Output& out) override;
  Status on_caught_up(const CaughtUp& item, Output& out) override;
  Status on_idle(const Idle& item, Output& out) override;
  Status on_assign(const Assign& item, Output& out) override;
  Status on_revoke(const Revoke& item, Output& out) override;
  Status on_end(const End& item, Output& out) override;
  Status on_quiet(Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  Status on_deadline(Output& out) override;
  [[nodiscard]] bool stateful() const override { return true; }
  Status snapshot(StateWriter& state) const override;
  Status restore(StateReader& state) override;

  /// Says which unit holds the watermark over all units and since when, how each unit is doing, and how late records
  /// came: some lines in the log.
  void explain() override;
  [[nodiscard]] const Lateness& lateness() const { return lateness_; }

 private:
  static constexpr size_t kClockEvery = 256;  // records

  struct UnitState {
    bool known = false;
    int64_t max_us = 0;                // meaningful when known
    EventTime watermark = kBeforeAll;  // the last one emitted
    int64_t rises_at = kBeforeAll.us;  // by no record that is older than this
    std::optional<MonoTime> caught_up_since;
    bool idle = false;
    // For explain() alone:
    bool present = false;  // was named by anything, and not revoked since
    uint64_t records = 0, late = 0;
    uint64_t records_at_rise = 0;  // of the watermark
    MonoTime since;                // present
    std::optional<MonoTime> last_record, last_rise;
  };
  struct Row;

  Swatermark(const Options& options, FieldSet fields, Context& context);
  /// The unit, which is present from now on.
  UnitState& unit(UnitId id);
  /// Finds out which unit holds the watermark.
  void look_for_holder(MonoTime now);
  void look_for_holder() { look_for_holder(context_.clock.mono()); }
  [[nodiscard]] std::string doing(const UnitState& state, MonoTime now) const;
  void explain_holder(MonoTime now);
  void explain_units(MonoTime now);
  void explain_lateness();
  /// Says that the units which were idle in the checkpoint are not known to be so any more: what came for them while
  /// nothing ran is not read yet, and the others must not run ahead of it.
  Status wake_restored(Output& out);
  [[nodiscard]] StateOptions state_options() const;
  Status wake(UnitId id, UnitState& state, Output& out);
  /// The watermark that stands after max_us; kBeforeAll before any.
  [[nodiscard]] EventTime watermark_at(int64_t max_us) const;
  /// REQUIRES: there is a --max-future.
  [[nodiscard]] bool too_far(const Batch& batch, size_t i, EventTime time) const;
  [[nodiscard]] int64_t rises_after(EventTime watermark) const;
  Status take_out(const Batch& batch, size_t i, std::optional<EventTime> time, const UnitState& state, Output& out);
  Status give(const Batch& batch, size_t first, size_t end, Output& out);
  MonoTime about_now(size_t records);
  void note_disorder(EventTime time, UnitState& state);
  void warn_of_jump(const Batch& batch, size_t i, EventTime from, EventTime to);

  const Options options_;
  FieldSet fields_;
  FieldReader reader_;
  Context& context_;
  std::vector<UnitState> units_;    // by UnitId
  std::span<const int64_t> times_;  // of the batch being read
  bool wake_restored_ = false;
  bool jump_warned_ = false;
  int64_t early_ = 0, bad_times_ = 0;
  Lateness lateness_;
  Metric& late_total_;
  std::optional<UnitId> holder_;  // when it was looked for last
  MonoTime held_since_, last_look_;
  MonoTime now_;  // when it was read last
  size_t records_since_clock_ = kClockEvery;
  bool ended_ = false;
};

}  // namespace streamutils::swatermark
