// SPDX-License-Identifier: Apache-2.0
// A source made a member: it says where to go on from, cuts epochs, and carries the last one in its `end`.
//
// Invariants:
//  1. One undecided epoch at a time.
//  2. A barrier's positions are those of the records given before it.
// It stands behind the source as its operator, so that positions are those of what was given, not of what was fetched.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/object_store.hpp"
#include "lib/checkpoint/patience.hpp"
#include "lib/checkpoint/root_watch.hpp"
#include "lib/stream/context.hpp"
#include "lib/stream/operator.hpp"

namespace streamutils::checkpoint {

inline constexpr Duration kDefaultInterval{10'000'000};

/// Where a source goes on.
struct ResumePoint {
  bool first = true;      ///< nothing is known of earlier starts: the source's own options say where to begin
  bool finished = false;  ///< an earlier start has ended for good: give `end` without `fire` and nothing else
  /// Where each unit goes on. A unit that is not in it, when `first` is false, is new: it starts at its beginning.
  std::map<std::string, int64_t, std::less<>> positions;
  /// The bounds that a range had when it was first started; empty when that range was read to its end.
  std::map<std::string, int64_t, std::less<>> ends;
};

class SourceMember final : public Operator {
 public:
  /// All live as long as this.
  SourceMember(ObjectStore& store, Duration interval, Patience& patience, Context& context);

  /// Known once on_open() has returned ok: a source asks after it has given its `open`.
  [[nodiscard]] const ResumePoint& resume_point() const { return resume_; }
  /// No record of `unit` lies between what was given and `next`: Kafka's transaction markers, for one, have offsets
  /// too. Records before `next` may still be on their way as long as they are given before the source's poll() returns.
  void passed(UnitId unit, int64_t next) { reached(unit, next); }
  /// Called with the positions of each epoch that was decided, soon after it was.
  using Positions = std::vector<std::pair<std::string, int64_t>>;  ///< unit, next offset
  void on_decided(std::function<void(const Positions&)> call) { decided_ = std::move(call); }

  Status on_open(Open& open, Output& out) override;
  Status on_records(const Batch& batch, Output& out) override;
  Status on_side(const SideRecord& item, Output& out) override;
  Status on_assign(const Assign& item, Output& out) override;
  /// Gives `end` as the last cut, and returns when that was decided: a source that exits with 0 has lost nothing.
  Status on_end(const End& item, Output& out) override;
  [[nodiscard]] std::optional<MonoTime> deadline() const override;
  Status on_deadline(Output& out) override;
  [[nodiscard]] bool stateful() const override { return false; }  // its positions travel in barriers

 private:
  [[nodiscard]] Positions positions() const;
  void reached(UnitId unit, int64_t next);
  Status look_for_decision();
  Status await_decision();

  ObjectStore& store_;
  const Duration interval_;
  Patience& patience_;
  Context& context_;
  RootWatch root_;
  std::function<void(const Positions&)> decided_;
  ResumePoint resume_;
  std::map<std::string, int64_t, std::less<>> kept_;  // positions of units that were not assigned yet
  std::vector<int64_t> next_;                         // by UnitId; -1: not known
  std::string run_;
  uint64_t generation_ = 0;
  uint64_t next_epoch_ = 0;
  std::optional<uint64_t> undecided_;
  Positions undecided_positions_;
  bool opened_ = false, ended_ = false;
  MonoTime next_cut_, next_look_;
  Duration look_;  // from the last look to the next
};

}  // namespace streamutils::checkpoint
