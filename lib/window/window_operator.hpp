// SPDX-License-Identifier: Apache-2.0
// swindow's operator: records into windows by event time and key, results and watermarks out.
//
// What happens to a record, in this order: JSON (`invalid`: why), --where (dropped, counted), event time (`bad_time`),
// key
// (`missing_key`, `bad_key`, `key_too_large`, `too_many_keys`), aggregates (`not_a_number`, …), window bounds
// (`bad_time`); a record in no window is counted; one whose windows are all gone is `late`, reason `window_gone`. It is
// judged against the watermark that stands when it arrives. With --merge a record is a partial (partial.hpp), which
// says itself what window it is of, in place of event time and aggregates (`missing_partial`, `bad_partial`,
// `partial_version`, `partial_lacks_aggregates`); one that only some times of are in a window is `window_straddles`.
//
// Items, scope stream: results and watermarks leave under unit "-"; assign, caught-up and idle items end here, being of
// units that the output does not have; a `revoke`, or fewer units assigned than there are, is a usage error. Scope
// unit: every item passes, and a `revoke` drops the unit's windows. Side records keep their unit in both. Corrections
// from an earlier swindow (revision above 0, retracted) are records like others.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/stream/context.hpp"
#include "lib/stream/field_reader.hpp"
#include "lib/stream/operator.hpp"
#include "lib/stream/state_options.hpp"
#include "lib/window/key_reader.hpp"
#include "lib/window/partial.hpp"
#include "lib/window/stream_watermark.hpp"
#include "lib/window/window_set.hpp"

namespace streamutils::window {

class WindowOperator final : public Operator {
 public:
  /// On failure: a usage error that names the option as swindow calls it. `context` outlives the operator.
  static Result<std::unique_ptr<WindowOperator>> create(WindowSettings settings, Context& context);
  ~WindowOperator() override;

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_watermark(const Watermark& item, Output& out) override;
  Status on_caught_up(const CaughtUp& item, Output& out) override;
  Status on_idle(const Idle& item, Output& out) override;
  Status on_assign(const Assign& item, Output& out) override;
  Status on_revoke(const Revoke& item, Output& out) override;
  Status on_end(const End& item, Output& out) override;

  [[nodiscard]] std::optional<MonoTime> deadline() const override { return next_early_; }
  Status on_deadline(Output& out) override;

  [[nodiscard]] bool stateful() const override { return true; }
  Status snapshot(StateWriter& out) const override;
  Status restore(StateReader& in) override;

  /// A window that is held, as visit_windows() shows it. Views live as long as the call.
  struct View {
    std::string_view unit;  ///< "-" in scope stream
    EventTime watermark = kBeforeAll;
    Interval window;                        ///< kBeforeAll to kAfterAll: it has no bounds
    std::span<const std::string_view> key;  ///< canonical JSON, by field of key_names()
    std::string_view aggregates;            ///< `,"n":3`: what a result would have now
    bool fired = false;
    uint32_t next_revision = 0;
    std::optional<uint64_t> number;  ///< with counted windows
  };
  /// Calls `visit` for each window of each key, by unit, window end and key bytes, until it fails. For looking at what
  /// a snapshot holds; it changes nothing.
  Status visit_windows(const std::function<Status(const View&)>& visit);
  [[nodiscard]] const std::vector<std::string>& key_names() const { return compiled_.key_names; }

 private:
  struct Figures;
  struct Compiled {
    FieldSet fields;
    std::vector<size_t> key_slots;
    size_t partial_slot = 0;  // with --merge
    std::vector<std::string> key_names;
    std::optional<expr::Expression> where;
    std::string where_text;
    AggregatePlan plan;
    std::string having_text;
    ResultShape shape;  // until the ResultWriter has it
  };
  /// `saved`: for rows that were saved with these parts.
  static Result<Compiled> compile(const WindowSettings& settings, const std::vector<PlanPart>* saved = nullptr);
  WindowOperator(WindowSettings settings, Compiled compiled, Context& context);

  [[nodiscard]] bool by_unit() const { return settings_.scope == Scope::unit; }
  [[nodiscard]] UnitId result_unit(UnitId unit) const { return by_unit() ? unit : Units::kStream; }
  WindowSet& set_of(UnitId unit);
  /// Up to kBlock records from `first` on.
  Status add_block(const Batch& batch, size_t first, FieldReader& reader, WindowSet& set, Output& out);
  /// REQUIRES: there is a --where.
  bool is_wanted(std::span<const JsonValue> values);
  /// Reads time and key of the record in this place of chosen_, for that of records_.
  void prepare(const Batch& batch, size_t place);
  /// The record's values are read, and wanted: into its windows, or to the side.
  Status place(const Batch& batch, size_t i, const KeyedRecord& record, WindowSet& set, Output& out);
  /// With --merge.
  Status add_partial(const Batch& batch, size_t i, const KeyedRecord& record, WindowSet& set, Output& out);
  /// The record's event time; empty when it has none.
  std::optional<EventTime> time_of(const Batch& batch, size_t i, std::span<const JsonValue> values) const;
  Status divert(const Batch& batch, size_t i, std::string_view label, std::string_view reason, const WindowSet& set,
                Output& out, std::optional<EventTime> time = std::nullopt, const Interval* window = nullptr);
  /// Fires what `time` completes in the set that `unit` belongs to, without the watermark item.
  Status advance(UnitId unit, EventTime time, Output& out);
  /// Scope stream: the minimum has risen.
  Status advance_stream(Output& out);
  Status check_assigned();
  /// The units that have a set, by name.
  [[nodiscard]] std::vector<UnitId> units_by_name() const;
  [[nodiscard]] StateOptions state_options() const;
  /// Takes over what is migrated, and says so. REQUIRES: the options that must be the same are.
  Status adopt(const StateOptions& saved, const std::vector<PlanPart>& parts);
  void update_figures();

  WindowSettings settings_;
  Compiled compiled_;
  Context& context_;
  KeyReader key_reader_;
  std::optional<PartialReader> partials_;  // with --merge; made anew with the plan
  ResultWriter results_;
  std::optional<RowPool> rows_;  // made anew when a saved state has other rows
  SetContext shared_;
  std::vector<std::unique_ptr<WindowSet>> sets_;  // by unit; scope stream: only "-"
  StreamWatermark minimum_;                       // scope stream

  std::vector<bool> assigned_;  // scope stream: by unit
  uint32_t units_assigned_ = 0, units_in_all_ = 0;
  bool check_assigned_ = false;  // assigned units were not yet compared with how many there are

  TimeField time_;
  size_t time_slot_ = 0;
  FieldReader reader_;                       // for records whose times come as a column
  FieldSet timed_fields_;                    // those of compiled_, and that of the time
  std::optional<FieldReader> timed_reader_;  // for the others
  // Of the records that are read at a time those that --where wants.
  static constexpr size_t kBlock = kMostAdditions;
  struct Chosen {
    size_t index = 0;  // in the batch
    ParseError error = ParseError::none;
    std::span<const JsonValue> values;
    std::string_view invalid;  // why it is; of these, and the times of those without one, the others mean nothing
    std::optional<EventTime> time;
  };
  std::array<Chosen, kBlock> chosen_;
  std::array<KeyedRecord, kBlock> records_;    // of chosen_
  std::array<std::string, kBlock> key_texts_;  // where keys are made
  std::vector<JsonValue> values_;              // side by side
  expr::Scratch scratch_;

  bool warned_of_keys_ = false, warned_of_partials_ = false;
  std::optional<MonoTime> next_early_;
  std::unique_ptr<Figures> figures_;
};

}  // namespace streamutils::window
