// SPDX-License-Identifier: Apache-2.0
#include "tests/property/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace streamutils::property {

namespace {
constexpr Wide kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
}

std::string text(Wide number) { return number == kUnknown ? "-" : std::to_string(static_cast<int64_t>(number)); }
std::string unit_name(int unit) { return fmt::format("t/{}", unit); }

// Assignment: r = (ts - offset) mod slide, not negative; start = ts - r; walk back by slide while start > ts - size.
std::vector<std::pair<Wide, Wide>> ModelScope::windows_of(Wide time) const {
  if (c_.global) return {{kUnknown, kEndOfTime}};
  if (c_.cumulate) return cumulating_windows_of(time);
  Wide r = (time - c_.offset) % c_.slide;
  if (r < 0) r += c_.slide;
  std::vector<std::pair<Wide, Wide>> windows;
  for (Wide start = time - r; start > time - c_.size; start -= c_.slide) windows.emplace_back(start, start + c_.size);
  std::reverse(windows.begin(), windows.end());
  return windows;
}

// [k * size, k * size + j * step) for each j: those that hold the time.
std::vector<std::pair<Wide, Wide>> ModelScope::cumulating_windows_of(Wide time) const {
  Wide r = (time - c_.offset) % c_.size;
  if (r < 0) r += c_.size;
  std::vector<std::pair<Wide, Wide>> windows;
  for (Wide end = time - r + c_.slide; end <= time - r + c_.size; end += c_.slide) {
    if (time < end) windows.emplace_back(time - r, end);
  }
  return windows;
}

ModelScope::Fate ModelScope::add(const std::string& key, ModelRecord record, Wide& last_start, Wide& last_end) {
  if (c_.count > 0) return add_counted(key, record);
  return c_.session ? add_session(key, record, last_start, last_end) : add_aligned(key, record, last_start, last_end);
}

ModelScope::Fate ModelScope::add_aligned(const std::string& key, ModelRecord record, Wide& last_start, Wide& last_end) {
  const auto wanted = windows_of(record.time);
  if (wanted.empty()) return Fate::unassigned;
  for (const auto& [start, end] : wanted) {
    if (!c_.global && (start < kMin || end > kMax)) return Fate::bad_time;
  }
  std::tie(last_start, last_end) = wanted.back();
  if (std::all_of(wanted.begin(), wanted.end(), [this](const auto& w) { return gone(w.second); })) return Fate::late;
  for (const auto& [start, end] : wanted) {
    if (gone(end)) continue;
    const auto same = [&, s = std::pair(start, end)](const ModelWindow& w) {
      return w.key == key && w.start == s.first && w.end == s.second;
    };
    auto it = std::find_if(windows_.begin(), windows_.end(), same);
    if (it == windows_.end()) {
      windows_.push_back({.key = key, .start = start, .end = end, .records = {}, .due = {}, .standing = {}});
      it = windows_.end() - 1;
      if (const auto filled = filled_.find({key, start}); filled != filled_.end()) *it = filled->second;
    }
    it->records.push_back(record);
    changed(*it);
  }
  return Fate::kept;
}

void ModelScope::changed(ModelWindow& window) {
  window.changed = true;
  if (watermark_ < window.end) return;
  // It has fired, or would have: a correction.
  window.on_time = true;
  if (c_.late_fire == 0) {
    write({{window, "late"}});
  } else if (!window.due) {
    Wide next = watermark_ - watermark_ % c_.late_fire;
    while (next > watermark_) next -= c_.late_fire;
    window.due = std::min<Wide>(next + c_.late_fire, window.end + c_.lateness);
  }
}

std::string ModelScope::result(const ModelWindow& window, const std::string& firing, int rank) const {
  std::string text_of =
      c_.global ? R"({"window_start":null,"window_end":null)"
                : fmt::format(R"({{"window_start":{},"window_end":{})", text(window.start), text(window.end));
  if (c_.count > 0) text_of += fmt::format(R"(,"window_number":{})", window.number);
  if (c_.has_key) text_of += ",\"k\":" + window.key;
  if (window.records.empty()) {
    text_of += R"(,"n":0,"sum":0,"min":0,"first":0,"last":0)";
  } else {
    const ModelRecord *first = nullptr, *last = nullptr;
    int lowest = window.records.front().value;
    for (const ModelRecord& r : window.records) {
      lowest = std::min(lowest, r.value);
      if (first == nullptr || r.time < first->time) first = &r;
      if (last == nullptr || r.time >= last->time) last = &r;
    }
    text_of += fmt::format(R"(,"n":{},"sum":{},"min":{},"first":{},"last":{})", window.records.size(), sum_of(window),
                           lowest, first->value, last->value);
  }
  if (rank > 0) text_of += fmt::format(R"(,"rank":{})", rank);
  return text_of + fmt::format(R"(,"firing":"{}")", firing);
}

void ModelScope::fire(ModelWindow& window, const std::string& firing, int rank) {
  window.changed = false;
  window.due.reset();
  if (!wanted(window)) return withdraw(window);
  window.standing = result(window, firing, rank);
  lines_.push_back(fmt::format("R {} {},\"revision\":{}}}", unit_, window.standing, window.next_revision++));
}

void ModelScope::withdraw(ModelWindow& window) {
  if (window.standing.empty()) return;
  lines_.push_back(
      fmt::format("R {} {},\"revision\":{},\"retracted\":true}}", unit_, window.standing, window.next_revision++));
  window.standing.clear();
}

void ModelScope::sort() {
  std::sort(windows_.begin(), windows_.end(),
            [](const ModelWindow& a, const ModelWindow& b) { return std::tie(a.end, a.key) < std::tie(b.end, b.key); });
}

void ModelScope::advance(Wide watermark) {
  watermark_ = watermark;
  sort();
  std::vector<std::pair<ModelWindow, std::string>> ready;
  for (ModelWindow& w : windows_) {
    if (c_.count > 0 ? watermark_ != kEndOfTime : w.end > watermark_) continue;
    if (!w.on_time) {
      w.on_time = true;
      ready.emplace_back(w, "on-time");
    } else if (w.due && *w.due <= watermark_) {
      ready.emplace_back(w, "late");
    }
  }
  write(std::move(ready));
  if (c_.count == 0) std::erase_if(windows_, [this](const ModelWindow& w) { return gone(w.end); });
}

void ModelScope::tick() {
  sort();
  for (ModelWindow& w : windows_) {
    if (w.end > watermark_ && w.changed) fire(w, "early");
  }
}

ModelScope& Model::scope(int unit) {
  const std::string name = c_.unit_scope ? unit_name(unit) : "-";
  auto& found = scopes_[name];
  if (!found) found = std::make_unique<ModelScope>(c_, name, lines_);
  return *found;
}

std::vector<std::string> Model::run() {
  for (const Event& e : c_.events) handle(e);
  return lines_;
}

void Model::handle(const Event& e) {
  using Kind = Event::Kind;
  if (!c_.unit_scope && e.kind != Kind::clock && e.kind != Kind::end) units_.try_emplace(e.unit);
  switch (e.kind) {
    case Kind::record:
      record(e);
      break;
    case Kind::watermark:
      if (!c_.unit_scope) {
        units_[e.unit].watermark = std::max<Wide>(units_[e.unit].watermark, e.time == kMin ? kUnknown : Wide(e.time));
        minimum();
      } else if (e.time != kMin && e.time > scope(e.unit).watermark()) {
        scope(e.unit).advance(e.time);
        lines_.push_back(fmt::format("W {} {}", unit_name(e.unit), e.time));
      }
      break;
    case Kind::idle:
    case Kind::active:
      if (c_.unit_scope) {
        lines_.push_back(fmt::format("{} {}", e.kind == Kind::idle ? "idle" : "active", unit_name(e.unit)));
      } else {
        units_[e.unit].idle = e.kind == Kind::idle;
        minimum();
      }
      break;
    case Kind::caught_up:
    case Kind::assign:
      if (c_.unit_scope)
        lines_.push_back(fmt::format("{} {}", e.kind == Kind::assign ? "assign" : "caught_up", unit_name(e.unit)));
      break;
    case Kind::revoke:
      scopes_.erase(unit_name(e.unit));
      lines_.push_back("revoke " + unit_name(e.unit));
      break;
    case Kind::clock:
      clock(e);
      break;
    case Kind::end:
      for (auto& [_, s] : scopes_) s->advance(kEndOfTime);
      lines_.emplace_back("E 1");
      break;
  }
}

// W = min over active units, never falls; with all units idle it stays.
void Model::minimum() {
  Wide lowest = kEndOfTime;
  for (const auto& [_, unit] : units_) {
    if (!unit.idle) lowest = std::min(lowest, unit.watermark);
  }
  if (lowest == kEndOfTime || lowest <= minimum_) return;
  minimum_ = lowest;
  scope(0).advance(minimum_);
  lines_.push_back(fmt::format("W - {}", text(minimum_)));
}

void Model::record(const Event& e) {
  if (e.dropped) return;
  ModelScope& s = scope(e.unit);
  const Wide time = Wide(e.time) + c_.shift;
  const bool readable = e.time != kMin && time > kMin && time <= kMax;
  const auto side = [&](const std::string& label, const std::string& reason, const std::string& window) {
    lines_.push_back(fmt::format("S {} {} {} {} {} {}", label, reason, unit_name(e.unit), readable ? text(time) : "-",
                                 text(s.watermark()), window));
  };
  if (!readable) return side("invalid", "bad_time", "- -");
  if (c_.has_key && e.key.empty()) return side("invalid", "missing_key", "- -");
  Wide start = 0, end = 0;
  switch (s.add(c_.has_key ? canonical_key(e.key) : "", {time, e.value}, start, end)) {
    case ModelScope::Fate::kept:
      return;
    case ModelScope::Fate::late:
      ++late;
      return side("late", "window_gone", text(start) + " " + text(end));
    case ModelScope::Fate::unassigned:
      ++unassigned;
      return;
    case ModelScope::Fate::bad_time:
      return side("invalid", "bad_time", "- -");
  }
}

void Model::clock(const Event& e) {
  clock_ += e.time;
  if (c_.early == 0 || clock_ < next_tick_) return;
  while (next_tick_ <= clock_) next_tick_ += c_.early;
  for (auto& [_, s] : scopes_) s->tick();
}

}  // namespace streamutils::property
