// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "tests/property/model.hpp"

namespace streamutils::property {

// [ts, ts + gap); windows that touch or overlap merge; merge first, judge the merged window.
ModelScope::Fate ModelScope::add_session(const std::string& key, ModelRecord record, Wide& last_start, Wide& last_end) {
  const Wide own_start = record.time, own_end = record.time + c_.size;
  if (own_end > std::numeric_limits<int64_t>::max()) return Fate::bad_time;
  const auto touches = [&](const ModelWindow& w) { return w.key == key && w.start <= own_end && w.end >= own_start; };
  last_start = own_start;
  last_end = own_end;
  for (const ModelWindow& w : windows_) {
    if (!touches(w)) continue;
    last_start = std::min(last_start, w.start);
    last_end = std::max(last_end, w.end);
  }
  if (gone(last_end)) return Fate::late;

  ModelWindow merged{.key = key, .start = last_start, .end = last_end, .records = {}, .due = {}, .standing = {}};
  sort();
  std::vector<ModelWindow> others;
  for (ModelWindow& w : windows_) {
    if (!touches(w)) {
      others.push_back(w);
    } else if (w.start == merged.start && w.end == merged.end) {
      merged = w;  // it keeps its bounds, and so its identity
    } else {
      withdraw(w);
      merged.records.insert(merged.records.end(), w.records.begin(), w.records.end());
    }
  }
  merged.records.push_back(record);
  others.push_back(merged);
  windows_ = others;
  changed(windows_.back());
  return Fate::kept;
}

}  // namespace streamutils::property
