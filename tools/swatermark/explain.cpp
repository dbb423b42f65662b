// SPDX-License-Identifier: Apache-2.0
// What swatermark says of itself: which unit holds the watermark, how each is doing, how late records came.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tools/swatermark/swatermark.hpp"

namespace streamutils::swatermark {

namespace {

constexpr size_t kMostRows = 20;
constexpr size_t kWidestName = 40;
constexpr Duration kLeastPatience{1'000'000};

/// For people, who want to know how much, not how much exactly: "2m10s", "1.3s", "340ms".
std::string about(uint64_t us) {
  constexpr uint64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
  const auto two = [us](uint64_t large, const char* large_name, uint64_t small, const char* small_name) {
    const uint64_t rest = us % large / small;
    return rest == 0 ? fmt::format("{}{}", us / large, large_name)
                     : fmt::format("{}{}{}{}", us / large, large_name, rest, small_name);
  };
  if (us >= kDay) return two(kDay, "d", kHour, "h");
  if (us >= kHour) return two(kHour, "h", kMinute, "m");
  if (us >= kMinute) return two(kMinute, "m", kSecond, "s");
  if (us >= kSecond) return fmt::format("{:g}s", std::floor(static_cast<double>(us) / 1e5) / 10);
  if (us >= 1000) return fmt::format("{}ms", us / 1000);
  return us == 0 ? "0s" : fmt::format("{}us", us);
}

std::string about(Duration duration) { return about(static_cast<uint64_t>(std::max<int64_t>(0, duration.us))); }

/// How far `later` is ahead, unsigned, so that any two times will do.
std::string ahead(int64_t later, int64_t earlier) {
  return about(later > earlier ? static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier) : 0);
}

std::string percent(uint64_t part, uint64_t whole) {
  return fmt::format("{:.3g} %", whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

void Swatermark::look_for_holder(MonoTime now) {
  std::optional<UnitId> holder;
  for (UnitId id = 0; id < units_.size(); ++id) {
    const UnitState& u = units_[id];
    if (!u.present || u.idle) continue;
    // A unit without a watermark holds back all: its is kBeforeAll.
    if (!holder || u.watermark < units_[*holder].watermark) holder = id;
  }
  const MonoTime before = std::exchange(last_look_, now);
  if (holder == holder_) return;
  // It is not looked at every record: the one that held it has let go when its watermark rose last.
  const std::optional<MonoTime> let_go = holder_ ? units_[*holder_].last_rise : std::nullopt;
  held_since_ = let_go && *let_go >= before ? *let_go : now;
  holder_ = holder;
}

std::string Swatermark::doing(const UnitState& u, MonoTime now) const {
  if (u.idle) return "idle";
  if (ended_) return "ended";
  const Duration patience = std::max(options_.idle_after, kLeastPatience);
  const Duration quiet = now - u.last_record.value_or(u.since);
  const Duration stands = now - u.last_rise.value_or(u.since);
  if (u.caught_up_since) {
    const Duration waited = now - *u.caught_up_since;
    return fmt::format("at the end of its log for {}: idle in {}", about(waited),
                       about(Duration{options_.idle_after.us - waited.us}));
  }
  const std::string_view end = "and it is not known to be at the end of its log";
  if (!u.last_record) return fmt::format("no record for {}, {}", about(quiet), end);
  if (quiet >= patience) return fmt::format("stalled: no record for {}, {}", about(quiet), end);
  if (stands < patience) return "rising";
  return fmt::format("not rising for {}: {} records came, none new enough", about(stands),
                     u.records - u.records_at_rise);
}

void Swatermark::explain() {
  const MonoTime now = context_.clock.mono();
  look_for_holder(now);
  explain_holder(now);
  explain_units(now);
  explain_lateness();
}

void Swatermark::explain_holder(MonoTime now) {
  Log& log = context_.log;
  const UnitState* newest = nullptr;
  for (const UnitState& u : units_) {
    if (u.present && u.known && (!newest || u.max_us > newest->max_us)) newest = &u;
  }
  if (!newest) return log.info("no watermark: no record with a time has come");
  if (!holder_) return log.info("no unit holds the watermark back: all are idle");
  const UnitState& u = units_[*holder_];
  const std::string& name = context_.units.name(*holder_);
  const std::string since = ended_ ? "" : fmt::format(", for {}", about(now - held_since_));
  const std::string state = doing(u, now);
  if (u.watermark == kBeforeAll) {
    return log.info("no watermark over all units: unit '{}' holds it back{} ({})", name, since, state);
  }
  log.info("watermark {}, {} behind the newest record: unit '{}' holds it{} ({})", format_iso(u.watermark),
           ahead(newest->max_us, u.watermark.us), name, since, state);
}

void Swatermark::explain_units(MonoTime now) {
  std::vector<UnitId> ids;
  EventTime furthest = kBeforeAll;
  for (UnitId id = 0; id < units_.size(); ++id) {
    if (!units_[id].present) continue;
    ids.push_back(id);
    furthest = std::max(furthest, units_[id].watermark);
  }
  if (ids.empty()) return;
  std::ranges::stable_sort(ids, [this](UnitId a, UnitId b) {
    const UnitState &x = units_[a], &y = units_[b];
    return x.idle != y.idle ? y.idle : x.watermark < y.watermark;
  });
  const size_t shown = std::min(ids.size(), kMostRows);
  size_t width = 4;
  for (size_t i = 0; i < shown; ++i) width = std::max(width, context_.units.name(ids[i]).size());
  width = std::min(width, kWidestName);
  context_.log.info("{:<{}}  {:<27}  {:>9}  {:>12}  {:>9}  {}", "unit", width, "watermark", "behind", "records", "late",
                    "state");
  for (size_t i = 0; i < shown; ++i) {
    const UnitState& u = units_[ids[i]];
    const bool none = u.watermark == kBeforeAll;
    context_.log.info("{:<{}}  {:<27}  {:>9}  {:>12}  {:>9}  {}", context_.units.name(ids[i]), width,
                      none ? "none" : format_iso(u.watermark), none ? "" : ahead(furthest.us, u.watermark.us),
                      u.records, u.late, doing(u, now));
  }
  if (ids.size() > shown) context_.log.info("and {} units more, which hold nothing back", ids.size() - shown);
}

void Swatermark::explain_lateness() {
  Log& log = context_.log;
  const Lateness& all = lateness_;
  if (all.records() == 0) return;
  log.info("{} of {} records ({}) came behind the watermark of their unit, {} ({}) behind its newest record",
           all.late(), all.records(), percent(all.late(), all.records()), all.of_newest().count(),
           percent(all.of_newest().count(), all.records()));
  if (all.of_newest().count() == 0) return;
  struct Edge {
    const char* text;
    uint64_t us;  // the first value beyond
  };
  constexpr Edge kEdges[] = {
      {"1ms", 1'000},     {"10ms", 10'000},     {"100ms", 100'000},    {"1s", 1'000'000},      {"10s", 10'000'000},
      {"1m", 60'000'000}, {"10m", 600'000'000}, {"1h", 3'600'000'000}, {"1d", 86'400'000'000}, {"", 0}};
  log.info("{:<14}  {:>14}  {:>16}", "so far behind", "newest record", "watermark");
  std::string from = "up to";
  uint64_t newest_before = 0, late_before = 0;
  for (const Edge& edge : kEdges) {
    const bool last = edge.us == 0;
    const uint64_t newest = last ? all.of_newest().count() : all.of_newest().at_most(edge.us - 1);
    const uint64_t late = last ? all.of_watermark().count() : all.of_watermark().at_most(edge.us - 1);
    if (newest > newest_before || late > late_before) {
      log.info("{:<14}  {:>14}  {:>16}", last ? from + " and more" : fmt::format("{} {}", from, edge.text),
               newest - newest_before, late - late_before);
    }
    newest_before = newest;
    late_before = late;
    from = fmt::format("{} to", edge.text);
    if (edge.us == 86'400'000'000) from = edge.text;
  }
  log.info("at most {} behind the newest record, {} behind the watermark", about(all.of_newest().max()),
           about(all.of_watermark().max()));
  for (const std::string& line : all.suggestions()) log.info("{}", line);
}

}  // namespace streamutils::swatermark
