// SPDX-License-Identifier: Apache-2.0
// Which results are written: --having, --top, --fill; and counted windows.
#include <algorithm>
#include <limits>

#include "tests/property/model.hpp"

namespace streamutils::property {

int sum_of(const ModelWindow& window) {
  int sum = 0;
  for (const ModelRecord& r : window.records) sum += r.value;
  return sum;
}

bool ModelScope::wanted(const ModelWindow& window) const {
  const size_t n = window.records.size();
  if (c_.having == 1) return sum_of(window) > 3 && n != 2;
  if (c_.having == 2) return (window.key != "\"b\"" && window.key != "null") || n > 1;
  return true;
}

ModelScope::Fate ModelScope::add_counted(const std::string& key, ModelRecord record) {
  if (record.time == std::numeric_limits<int64_t>::max()) return Fate::bad_time;
  auto open = std::find_if(windows_.begin(), windows_.end(), [&](const ModelWindow& w) { return w.key == key; });
  if (open == windows_.end()) {
    windows_.push_back({.key = key, .records = {}, .due = {}, .standing = {}, .number = numbers_[key]++});
    open = windows_.end() - 1;
  }
  open->records.push_back(record);
  const auto [first, last] = std::minmax_element(open->records.begin(), open->records.end(),
                                                 [](const auto& a, const auto& b) { return a.time < b.time; });
  open->start = first->time;
  open->end = last->time + 1;
  if (static_cast<int64_t>(open->records.size()) < c_.count) return Fate::kept;
  fire(*open, "on-time");
  windows_.erase(open);
  return Fate::kept;
}

// The windows without records between this one and the nearest that were written, when those are near enough.
std::vector<ModelWindow> ModelScope::close_gaps(const ModelWindow& window) {
  std::vector<ModelWindow> gaps;
  std::set<Wide>& written = written_[window.key];
  if (written.contains(window.start)) return gaps;
  const auto fill = [&](Wide from, Wide to) {
    if (to - from > c_.fill_for) return;
    for (Wide start = from; start < to; start += c_.size) {
      written.insert(start);
      const bool has_records = std::any_of(windows_.begin(), windows_.end(), [&](const ModelWindow& w) {
        return w.key == window.key && w.start == start && !w.records.empty();
      });
      if (has_records) continue;  // it is written for itself, now or when its correction is due
      gaps.push_back(
          {.key = window.key, .start = start, .end = start + c_.size, .records = {}, .due = {}, .standing = {}});
    }
  };
  const auto next = written.upper_bound(window.start);
  const bool has_next = next != written.end(), has_previous = next != written.begin();
  const Wide behind = has_next ? *next : 0, before = has_previous ? *std::prev(next) + c_.size : 0;
  written.insert(window.start);
  if (has_previous) fill(before, window.start);
  if (has_next) fill(window.end, behind);
  return gaps;
}

void ModelScope::write(std::vector<std::pair<ModelWindow, std::string>> windows) {
  std::vector<ModelWindow> gaps;
  for (const auto& [window, _] : windows) {
    if (!c_.fill) break;
    for (const ModelWindow& gap : close_gaps(window)) gaps.push_back(gap);
  }
  for (const ModelWindow& gap : gaps) windows.emplace_back(gap, "fill");
  std::sort(windows.begin(), windows.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.end, a.first.key) < std::tie(b.first.end, b.first.key);
  });
  if (c_.top > 0) {
    std::vector<ModelWindow> all;
    for (const auto& [window, _] : windows) all.push_back(window);
    return rank(std::move(all));
  }
  for (auto& [window, firing] : windows) {
    if (firing == "fill") {
      fire(window, "on-time");
      window.on_time = true;
      filled_[{window.key, window.start}] = window;
      continue;
    }
    const auto same = [&, &w = window](const ModelWindow& other) {
      return other.key == w.key && other.start == w.start && other.end == w.end;
    };
    fire(*std::find_if(windows_.begin(), windows_.end(), same), firing);
  }
}

void ModelScope::rank(std::vector<ModelWindow> windows) {
  std::erase_if(windows, [this](const ModelWindow& w) { return !wanted(w); });
  std::sort(windows.begin(), windows.end(), [](const ModelWindow& a, const ModelWindow& b) {
    const int a_sum = -sum_of(a), b_sum = -sum_of(b);
    return std::tie(a.end, a_sum, a.key) < std::tie(b.end, b_sum, b.key);
  });
  int rank = 0;
  for (size_t i = 0; i < windows.size(); ++i) {
    rank = i > 0 && windows[i].end == windows[i - 1].end ? rank + 1 : 1;
    if (rank <= c_.top) fire(windows[i], "on-time", rank);
  }
}

}  // namespace streamutils::property
