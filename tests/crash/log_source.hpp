// SPDX-License-Identifier: Apache-2.0
// What skafka-cat is to Kafka: reads a log of several units to its end, from where the checkpoint says.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "lib/checkpoint/manifest.hpp"
#include "lib/checkpoint/source_member.hpp"
#include "tests/crash/pipe.hpp"

namespace streamutils::crash {

struct LogUnit {
  std::string name;
  std::vector<std::string> records;
};

class LogSource final : public Source {
 public:
  /// A batch of each unit, then nothing for this long.
  static constexpr Duration kPace{10'000};
  struct Place {
    const std::vector<LogUnit>& log;
    checkpoint::SourceMember& member;  ///< stands behind this
    Scheduler& scheduler;
    Clock& clock;
    Units& units;
    const Pipe* output;  ///< of the process; may be null
    std::mt19937_64& random;
    uint64_t& records_read;
  };
  explicit LogSource(const Place& place) : p_(place), next_(place.log.size(), 0) {}

  Result<State> poll(Output& out, const Waiter&, Duration timeout) override {
    if (!opened_) return open(out);
    const auto due = [this] { return p_.clock.mono() >= next_round_; };
    if (!due()) {
      const Duration left = next_round_ - p_.clock.mono();
      const Duration wait = timeout.us < 0 ? left : std::min(timeout, left);
      STREAM_ASSIGN(const bool now, wait_as_source(p_.scheduler, p_.clock, p_.output, due, wait));
      if (!now) return State::empty;
    } else if (p_.scheduler.current()->killed()) {
      return failed("killed");
    }
    if (at_ == 0 && all_given()) {
      STREAM_TRY(out.control(End{.fire = true}));
      return State::finished;
    }
    STREAM_TRY(give(at_, out));
    at_ = (at_ + 1) % next_.size();
    if (at_ == 0) next_round_ = p_.clock.mono() + kPace;
    return State::delivered;
  }

 private:
  Result<State> open(Output& out) {
    opened_ = true;
    Open open;
    open.run = make_run_id();
    for (const LogUnit& unit : p_.log)
      open.sources.push_back({unit.name, 0, static_cast<int64_t>(unit.records.size())});
    STREAM_TRY(out.control(open));
    const checkpoint::ResumePoint& from = p_.member.resume_point();
    if (from.finished) {
      STREAM_TRY(out.control(End{.fire = false}));
      return State::finished;
    }
    for (size_t u = 0; u < next_.size(); ++u) {
      const LogUnit& unit = p_.log[u];
      if (!from.first) next_[u] = static_cast<size_t>(from.positions.at(unit.name));
      STREAM_TRY(out.control(Assign{p_.units.id(unit.name), static_cast<int64_t>(next_[u]), 2}));
    }
    return State::delivered;
  }
  [[nodiscard]] bool all_given() const {
    for (size_t u = 0; u < next_.size(); ++u) {
      if (next_[u] < p_.log[u].records.size()) return false;
    }
    return true;
  }
  Status give(size_t u, Output& out) {
    const LogUnit& unit = p_.log[u];
    BatchBuilder batch;
    batch.clear(p_.units.id(unit.name));
    for (uint64_t n = 1 + p_.random() % 4; n > 0 && next_[u] < unit.records.size(); --n, ++next_[u]) {
      const auto offset = static_cast<int64_t>(next_[u]);
      batch.append(unit.records[next_[u]], nullptr, &offset);
      ++p_.records_read;
    }
    return batch.empty() ? Status() : out.records(batch.batch());
  }

  const Place p_;
  bool opened_ = false;
  std::vector<size_t> next_;
  size_t at_ = 0;  // the unit that is next
  MonoTime next_round_;
};

}  // namespace streamutils::crash
