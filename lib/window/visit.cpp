// SPDX-License-Identifier: Apache-2.0
// What is held, for those who only look: not on the way of any record.
#include <algorithm>
#include <set>

#include "lib/window/count_windows.hpp"
#include "lib/window/global_windows.hpp"
#include "lib/window/session_windows.hpp"
#include "lib/window/sliced_windows.hpp"
#include "lib/window/window_operator.hpp"

namespace streamutils::window {

Status SlicedWindows::visit(const Visit& visit) {
  finish();
  std::set<int64_t> ends;
  for (const auto& [start, slice] : slices_) {
    std::optional<int64_t> end = slice.bounds.first_end;
    if (gone(*end)) end = assigner_.end_after(horizon_);
    for (; end && *end <= slice.bounds.last_end; end = assigner_.end_after(*end)) ends.insert(*end);
  }
  std::vector<KeyId> keys;
  for (const int64_t end : ends) {
    const Interval window = assigner_.window(end);
    keys.clear();
    active_.collect(window, keys);
    keys_.sort(keys);
    const auto state = windows_.find(end);
    for (const KeyId key : keys) {
      View view{.key = keys_.text(key), .window = window, .fired = fired(end)};
      if (state != windows_.end()) {
        if (const auto it = state->second.keys.find(key); it != state->second.keys.end()) {
          view.next_revision = it->second.next_revision;
        }
      }
      char* whole = context_.rows.make();
      for (const SliceRow& r : rows_of(window, key)) context_.plan.merge(whole, r.row());
      view.row = whole;
      Status status = visit(view);
      context_.rows.release(whole);
      STREAM_TRY(std::move(status));
    }
  }
  return {};
}

Status SessionWindows::visit(const Visit& visit) {
  std::vector<Ready> all;
  keys_.for_each([&](KeyId key) {
    for (const Session& s : keys_[key]) all.push_back({s.bounds.end, key, s.id});
  });
  sort(all);
  for (const auto& [end, key, id] : all) {
    const Session& session = *find(key, id);
    STREAM_TRY(visit({.key = keys_.text(key),
                      .window = session.bounds,
                      .row = session.row,
                      .fired = fired(end),
                      .next_revision = session.next_revision}));
  }
  return {};
}

Status CountWindows::visit(const Visit& visit) {
  for (const KeyId key : open_keys()) {
    const Counted& held = keys_[key];
    STREAM_TRY(visit({.key = keys_.text(key), .window = held.bounds(), .row = held.row, .number = held.number}));
  }
  return {};
}

Status GlobalWindows::visit(const Visit& visit) {
  std::vector<KeyId> all = all_keys();
  keys_.sort(all);
  for (const KeyId key : all) {
    STREAM_TRY(visit({.key = keys_.text(key),
                      .window = kAllTime,
                      .row = keys_[key].row,
                      .next_revision = keys_[key].next_revision}));
  }
  return {};
}

Status WindowOperator::visit_windows(const std::function<Status(const View&)>& visit) {
  std::vector<std::string_view> key(compiled_.key_names.size());
  std::string aggregates;
  for (const UnitId unit : units_by_name()) {
    WindowSet& set = *sets_[unit];
    STREAM_TRY(set.visit([&](const WindowSet::View& v) {
      split_key(v.key, key);
      aggregates.clear();
      scratch_.clear();
      compiled_.plan.append_results(aggregates, v.row, v.window, scratch_);
      return visit({.unit = context_.units.name(unit),
                    .watermark = set.watermark(),
                    .window = v.window,
                    .key = key,
                    .aggregates = aggregates,
                    .fired = v.fired,
                    .next_revision = v.next_revision,
                    .number = settings_.kind == WindowKind::count ? std::optional(v.number) : std::nullopt});
    }));
  }
  return {};
}

}  // namespace streamutils::window
