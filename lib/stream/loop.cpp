// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/loop.hpp"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>

namespace streamutils {

namespace {

/// The path of the stage after those of `stages` that are on the same line. In a branch, which sdivert marks with the
/// number 0 ("3.late.0"), these are the ones behind the mark; on the main line those without a dot: sdivert may list
/// the sinks of its branches there ("3.late.1").
std::string next_path(const std::vector<StageInfo>& stages) {
  std::string_view line;
  for (const StageInfo& stage : stages) {
    if (stage.path.ends_with(".0")) line = std::string_view(stage.path).substr(0, stage.path.size() - 1);
  }
  uint32_t last = 0;
  for (const StageInfo& stage : stages) {
    if (!stage.path.starts_with(line)) continue;
    const std::string_view rest = std::string_view(stage.path).substr(line.size());
    if (rest.find('.') == std::string_view::npos) std::from_chars(rest.data(), rest.data() + rest.size(), last);
  }
  return std::string(line) + std::to_string(last + 1);
}

/// Behind a stage's operator: counts what leaves, and stops at the first invalid record when strict.
class Exit final : public Output {
 public:
  Exit(const LoopStage& stage, Output& next)
      : stage_(stage),
        next_(next),
        records_(stage.context.metrics.counter("stream_records_out_total", "Records written to the main stream.")) {}

  Status records(const Batch& batch) override {
    records_.add(static_cast<int64_t>(batch.size()));
    return next_.records(batch);
  }
  Status control(const Control& item) override {
    if (const auto* side = std::get_if<SideRecord>(&item)) STREAM_TRY(check(*side));
    return next_.control(item);
  }
  Status flush() override { return next_.flush(); }

 private:
  Status check(const SideRecord& side) {
    auto found = sides_.find(side.label);
    if (found == sides_.end()) {
      Metric& metric = stage_.context.metrics.counter("stream_side_records_total", "Side records passed on, by label.",
                                                      {{"label", std::string(side.label)}});
      found = sides_.emplace(side.label, &metric).first;
    }
    found->second->add();
    if (stage_.strict && side.label == "invalid") {
      return bad_data("{}: invalid record: {}", format_place(stage_.context.units, side.unit, side.offset),
                      side.reason);
    }
    return {};
  }

  const LoopStage& stage_;
  Output& next_;
  Metric& records_;
  std::map<std::string, Metric*, std::less<>> sides_;
};

/// In front of a stage's operator: counts what arrives, and adds the stage to `open`.
class Entry final : public Output {
 public:
  Entry(const LoopStage& stage, Output& exit)
      : stage_(stage),
        exit_(exit),
        records_(stage.context.metrics.counter("stream_records_in_total", "Records read from the main stream.")) {}

  Status records(const Batch& batch) override {
    records_.add(static_cast<int64_t>(batch.size()));
    return noted(stage_.op.on_records(batch, exit_));
  }
  Status control(const Control& item) override {
    if (const auto* open = std::get_if<Open>(&item)) {
      Open extended = *open;
      extended.stages.push_back({next_path(open->stages), stage_.program, stage_.op.stateful(), stage_.checkpoint});
      return noted(stage_.op.on_open(extended, exit_));
    }
    return noted(dispatch(stage_.op, item, exit_));
  }
  Status flush() override { return exit_.flush(); }

  Status quiet() { return noted(stage_.op.on_quiet(exit_)); }
  [[nodiscard]] std::optional<MonoTime> deadline() const { return stage_.op.deadline(); }
  Status call_at(MonoTime now) {
    const auto deadline = stage_.op.deadline();
    return deadline && now >= *deadline ? noted(stage_.op.on_deadline(exit_)) : Status();
  }
  void explain() { stage_.op.explain(); }
  /// Something given to this stage failed: in it, or behind it.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  Status noted(Status status) {
    failed_ |= !status.ok();
    return status;
  }

  const LoopStage& stage_;
  Output& exit_;
  Metric& records_;
  bool failed_ = false;
};

constexpr Duration kSecond{1'000'000};

class Loop {
 public:
  Loop(Source& source, std::span<const LoopStage> stages, Terminal& terminal, const Waiter& waiter,
       const LoopSettings& settings)
      : source_(source),
        terminal_(terminal),
        waiter_(waiter),
        clock_(stages.front().context.clock),
        settings_(settings),
        next_second_(clock_.mono() + kSecond) {
    Output* next = &terminal;
    for (size_t i = stages.size(); i-- > 0;) {
      exits_.emplace_front(stages[i], *next);
      entries_.emplace_front(stages[i], exits_.front());
      next = &entries_.front();
    }
  }

  Status run() {
    Duration timeout{0};
    for (;;) {
      STREAM_ASSIGN(const Source::State state, source_.poll(entries_.front(), waiter_, timeout));
      if (state == Source::State::finished) return {};
      STREAM_TRY(call_due());
      timeout = Duration{0};
      if (state == Source::State::empty) {
        for (Entry& entry : entries_) STREAM_TRY(entry.quiet());
        STREAM_TRY(terminal_.flush());
        timeout = time_to_next();
      }
      if (source_.wants_flush()) {
        STREAM_TRY(terminal_.flush());
        source_.flushed();
      }
    }
  }

  /// The stage that a failure began in: the last one through which it came. One of the source or of the terminal counts
  /// for the stage beside it.
  [[nodiscard]] size_t failed_stage() const {
    size_t failed = 0;
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].failed()) failed = i;
    }
    return failed;
  }

 private:
  [[nodiscard]] std::optional<MonoTime> deadline() const {
    std::optional<MonoTime> first;
    for (const Entry& entry : entries_) {
      const auto own = entry.deadline();
      if (own && (!first || *own < *first)) first = own;
    }
    return first;
  }

  Status call_due() {
    if (settings_.report_requested && settings_.report_requested->exchange(false)) {
      settings_.report();
      for (Entry& entry : entries_) entry.explain();
    }
    const auto due = deadline();
    if (!due && !settings_.every_second) return {};
    const MonoTime now = clock_.mono();
    if (due && now >= *due) {
      for (Entry& entry : entries_) STREAM_TRY(entry.call_at(now));
    }
    if (settings_.every_second && now >= next_second_) {
      settings_.every_second();
      next_second_ = now + kSecond;
    }
    return {};
  }

  [[nodiscard]] Duration time_to_next() const {
    const auto due = deadline();
    if (!due && !settings_.every_second) return Duration{-1};
    MonoTime next = due.value_or(next_second_);
    if (settings_.every_second) next = std::min(next, next_second_);
    return std::max(Duration{0}, next - clock_.mono());
  }

  Source& source_;
  std::deque<Exit> exits_;  // of each stage
  std::deque<Entry> entries_;
  Terminal& terminal_;
  const Waiter& waiter_;
  Clock& clock_;
  const LoopSettings& settings_;
  MonoTime next_second_;
};

}  // namespace

LoopEnd run_loop(Source& source, std::span<const LoopStage> stages, Terminal& terminal, const Waiter& waiter,
                 const LoopSettings& settings) {
  Loop loop(source, stages, terminal, waiter, settings);
  LoopEnd end{loop.run()};
  end.stage = loop.failed_stage();
  if (end.status.code() != Code::broken_pipe) {
    // What was finished before a failure is still good; the missing `end` tells the reader of the failure.
    Status flushed = terminal.flush();
    if (end.status.ok()) end = {std::move(flushed), stages.size() - 1};
    if (end.status.ok()) source.flushed();
  }
  if (settings.every_second) settings.every_second();
  return end;
}

}  // namespace streamutils
