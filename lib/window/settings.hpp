// SPDX-License-Identifier: Apache-2.0
// What a WindowOperator is asked to do: the window, the key, the aggregates, and when results are fired.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/time.hpp"
#include "lib/window/assigner.hpp"

namespace streamutils::window {

enum class WindowKind : uint8_t {
  aligned,   ///< tumbling and sliding: every `slide` a window of `size` begins
  cumulate,  ///< every `size` windows begin that end `slide`, two, three … `size` later
  session,   ///< a window ends `size` after its last record
  count,     ///< `count` records of a key in the order they arrive
  global,    ///< all time
};

enum class Scope : uint8_t {
  stream,  ///< one set of windows over all units, fired by the minimum of their watermarks
  unit,    ///< one set of windows per unit, fired by that unit's own watermark
};

struct WindowSettings {
  WindowKind kind = WindowKind::aligned;
  Duration size;      ///< the window's size, or the gap of a session; nominal with a calendar
  Duration slide;     ///< equal to `size` for tumbling windows
  Duration offset;    ///< windows start at multiples of `slide` (cumulate: `size`) plus this; no sessions
  int64_t count = 0;  ///< count only
  std::optional<CalendarSpan> calendar;  ///< aligned and tumbling only: windows by this, not by size
  std::vector<std::string> keys;         ///< paths as FieldSet::add takes them; empty: one key for all records
  std::string aggregates;                ///< the text of --agg
  std::string where;                     ///< empty: every record
  Duration allowed_lateness;
  std::optional<Duration> late_fire;  ///< corrections are fired at multiples of this instead of at once
  std::string having;                 ///< empty: every result
  int64_t top = 0;                    ///< of each window only so many results; 0: all
  std::string top_by;                 ///< … with the largest values of this aggregate
  std::optional<std::string> fill;    ///< tumbling only: the JSON scalar that windows without records have for results
  std::optional<Duration> fill_for;   ///< how long a gap may be to be filled; empty: kFillWindows windows
  std::optional<Duration> early;      ///< open windows that changed are fired every so often, by the clock
  Scope scope = Scope::stream;
  int64_t max_keys = 50'000'000;  ///< held at once, by all units; records with further keys are `invalid`
  TimeFormat time_format = TimeFormat::iso;
};

/// The longest gap that is filled unless told otherwise, in windows.
inline constexpr int64_t kFillWindows = 1000;
/// The longest gap that is filled. REQUIRES: check() was ok; `fill` is given.
Duration longest_fill(const WindowSettings& settings);

/// A usage error that names the option as swindow calls it when the settings contradict themselves or each other:
/// a size that is not positive, an offset that is not smaller than the slide, window bounds that are not whole in the
/// time format, results that are to be both ranked and corrected.
Status check(const WindowSettings& settings);
/// REQUIRES: check() was ok; windows that are aligned or cumulate.
SliceAssigner assigner(const WindowSettings& settings);

}  // namespace streamutils::window
