// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/loop.hpp"

#include <algorithm>
#include <charconv>
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

/// In front of the terminal: counts what leaves, and stops at the first invalid record when strict.
class Exit final : public Output {
 public:
  Exit(Terminal& terminal, Context& context, const LoopSettings& settings)
      : terminal_(terminal),
        context_(context),
        settings_(settings),
        records_(context.metrics.counter("stream_records_out_total", "Records written to the main stream.")) {}

  Status records(const Batch& batch) override {
    records_.add(static_cast<int64_t>(batch.size()));
    return terminal_.records(batch);
  }
  Status control(const Control& item) override {
    if (const auto* side = std::get_if<SideRecord>(&item)) STREAM_TRY(check(*side));
    return terminal_.control(item);
  }
  Status flush() override { return terminal_.flush(); }

 private:
  Status check(const SideRecord& side) {
    auto found = sides_.find(side.label);
    if (found == sides_.end()) {
      Metric& metric = context_.metrics.counter("stream_side_records_total", "Side records passed on, by label.",
                                                {{"label", std::string(side.label)}});
      found = sides_.emplace(side.label, &metric).first;
    }
    found->second->add();
    if (settings_.strict && side.label == "invalid") {
      return bad_data("{}: invalid record: {}", format_place(context_.units, side.unit, side.offset), side.reason);
    }
    return {};
  }

  Terminal& terminal_;
  Context& context_;
  const LoopSettings& settings_;
  Metric& records_;
  std::map<std::string, Metric*, std::less<>> sides_;
};

/// In front of the operator: counts what arrives, and adds this stage to `open`.
class Entry final : public Output {
 public:
  Entry(Operator& op, Output& exit, Context& context, const LoopSettings& settings)
      : op_(op),
        exit_(exit),
        settings_(settings),
        records_(context.metrics.counter("stream_records_in_total", "Records read from the main stream.")) {}

  Status records(const Batch& batch) override {
    records_.add(static_cast<int64_t>(batch.size()));
    return op_.on_records(batch, exit_);
  }
  Status control(const Control& item) override {
    if (const auto* open = std::get_if<Open>(&item)) {
      Open extended = *open;
      extended.stages.push_back({next_path(open->stages), settings_.program, op_.stateful(), settings_.checkpoint});
      return op_.on_open(extended, exit_);
    }
    return dispatch(op_, item, exit_);
  }

 private:
  Operator& op_;
  Output& exit_;
  const LoopSettings& settings_;
  Metric& records_;
};

constexpr Duration kSecond{1'000'000};

class Loop {
 public:
  Loop(Source& source, Operator& op, Terminal& terminal, const Waiter& waiter, Context& context,
       const LoopSettings& settings)
      : source_(source),
        op_(op),
        terminal_(terminal),
        waiter_(waiter),
        clock_(context.clock),
        settings_(settings),
        exit_(terminal, context, settings),
        entry_(op, exit_, context, settings),
        next_second_(context.clock.mono() + kSecond) {}

  Status run() {
    Duration timeout{0};
    for (;;) {
      STREAM_ASSIGN(const Source::State state, source_.poll(entry_, waiter_, timeout));
      if (state == Source::State::finished) return {};
      STREAM_TRY(call_due());
      timeout = Duration{0};
      if (state == Source::State::empty) {
        STREAM_TRY(op_.on_quiet(exit_));
        STREAM_TRY(terminal_.flush());
        timeout = time_to_next();
      }
      if (source_.wants_flush()) {
        STREAM_TRY(terminal_.flush());
        source_.flushed();
      }
    }
  }

 private:
  Status call_due() {
    if (settings_.report_requested && settings_.report_requested->exchange(false)) settings_.report();
    const auto deadline = op_.deadline();
    if (!deadline && !settings_.every_second) return {};
    const MonoTime now = clock_.mono();
    if (deadline && now >= *deadline) STREAM_TRY(op_.on_deadline(exit_));
    if (settings_.every_second && now >= next_second_) {
      settings_.every_second();
      next_second_ = now + kSecond;
    }
    return {};
  }

  [[nodiscard]] Duration time_to_next() const {
    const auto deadline = op_.deadline();
    if (!deadline && !settings_.every_second) return Duration{-1};
    MonoTime next = deadline.value_or(next_second_);
    if (settings_.every_second) next = std::min(next, next_second_);
    return std::max(Duration{0}, next - clock_.mono());
  }

  Source& source_;
  Operator& op_;
  Terminal& terminal_;
  const Waiter& waiter_;
  Clock& clock_;
  const LoopSettings& settings_;
  Exit exit_;
  Entry entry_;
  MonoTime next_second_;
};

}  // namespace

Status run_loop(Source& source, Operator& op, Terminal& terminal, const Waiter& waiter, Context& context,
                const LoopSettings& settings) {
  Status status = Loop(source, op, terminal, waiter, context, settings).run();
  if (status.code() != Code::broken_pipe) {
    // What was finished before a failure is still good; the missing `end` tells the reader of the failure.
    Status flushed = terminal.flush();
    if (status.ok()) status = std::move(flushed);
    if (status.ok()) source.flushed();
  }
  if (settings.every_second) settings.every_second();
  return status;
}

}  // namespace streamutils
