// SPDX-License-Identifier: Apache-2.0
// --partial and --merge, where they part from what windows do else: what a firing gives, and what a record is.
#include <algorithm>

#include "lib/window/figures.hpp"
#include "lib/window/sliced_windows.hpp"
#include "lib/window/window_operator.hpp"

namespace streamutils::window {

void SlicedWindows::fire_delta(Interval window, KeyId key, Firing firing, Window* state) {
  SliceRows& rows = keys_[key];
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const SliceRow& r) { return r.start == window.start; });
  // The others fire because something came: on time, all may have been given early.
  if (row == rows.end() || (firing == Firing::on_time && !row->touched())) return;
  give(window, key, row->row(), firing, state);
  context_.plan.destroy(row->row());
  context_.plan.init(row->row());
  row->set_touched(false);
}

Status WindowOperator::add_partial(const Batch& batch, size_t i, const KeyedRecord& read, WindowSet& set, Output& out) {
  const std::span<const JsonValue> values = read.values;
  if (const std::string_view why = partials_->read(values[compiled_.partial_slot]); !why.empty()) {
    if (why == "partial_lacks_aggregates" && !std::exchange(warned_of_partials_, true)) {
      context_.log.warn(
          "--merge: a partial has nothing to make {} from, and is invalid; give the program that wrote it "
          "the same --agg",
          partials_->lacking());
    }
    return divert(batch, i, "invalid", why, set, out);
  }
  const Interval window = partials_->window();
  KeyedRecord record{.time = window.end - 1, .values = values, .partial = partials_->row(), .start = window.start};
  if (const std::string_view why = key_reader_.read(values, key_texts_[0], record.key); !why.empty()) {
    return divert(batch, i, "invalid", why, set, out, EventTime{record.time});
  }
  return place(batch, i, record, set, out);
}

}  // namespace streamutils::window
