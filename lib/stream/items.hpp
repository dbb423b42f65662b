// SPDX-License-Identifier: Apache-2.0
// The items of a stream other than records. stream(5) says what each means and draws its two encodings.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/time.hpp"
#include "lib/json/event_time.hpp"
#include "lib/stream/batch.hpp"

namespace streamutils {

/// One program on the way, as `open` lists it.
struct StageInfo {
  std::string path;  ///< "3", or "3.late.1" inside a branch of sdivert
  std::string program;
  bool stateful = false;
  std::string checkpoint;  ///< the checkpoint store, empty without one
  bool operator==(const StageInfo&) const = default;
};

/// Where a source starts and, when bounded, ends in one unit. Positions are the next offset to be read.
struct UnitRange {
  std::string unit;
  int64_t start = 0;
  std::optional<int64_t> end;
  bool operator==(const UnitRange&) const = default;
};

/// Where a record's event time is found. The event time is the field's time plus `shift`.
struct TimeField {
  std::string field;
  TimeUnit unit = TimeUnit::automatic;
  Duration shift;
  bool operator==(const TimeField&) const = default;
};

/// First item; every stage forwards it with itself added.
struct Open {
  int version = 1;
  std::string run;  ///< names one start of the pipeline
  std::vector<StageInfo> stages;
  std::vector<UnitRange> sources;
  std::optional<TimeField> time;  ///< empty until swatermark has set it
  std::vector<std::string> keys;  ///< key fields of results, set by swindow
  bool results = false;           ///< records are window results with revisions
  Duration lateness;              ///< allowed lateness so far
  /// Made for a plain input that ended without a single byte: whoever was to write it may have died. Not part of the
  /// encodings.
  bool empty_input = false;
  bool operator==(const Open&) const = default;
};

/// One record taken out of the main stream. Views live as long as the call that passes it.
struct SideRecord {
  std::string_view label;   ///< "late", "invalid", "early"
  std::string_view reason;  ///< one word with underscores: "window_gone", "not_json", "missing_key", ...
  UnitId unit = Units::kStream;
  int64_t offset = kNoOffset;
  std::optional<EventTime> time;
  std::optional<EventTime> watermark;
  std::optional<EventTime> window_start, window_end;
  std::string_view record;  ///< its own bytes; only the first kSideRecordHead of a record that was too large
  int64_t full_size = -1;   ///< the record's size when `record` is only its head
  uint64_t hash = 0;        ///< XXH3-64 of the whole record when `record` is only its head
};
inline constexpr size_t kSideRecordHead = 4096;

/// No more records with time < `time` are expected from this unit.
struct Watermark {
  UnitId unit = Units::kStream;
  EventTime time;
};

/// The source's position is, or is not, the end of the unit's log.
struct CaughtUp {
  UnitId unit = Units::kStream;
  bool caught_up = true;
};

/// An idle unit does not hold back the others. From swatermark, or from a source that knows the unit to have ended for
/// good.
struct Idle {
  UnitId unit = Units::kStream;
  bool idle = true;
};

struct Assign {
  UnitId unit = Units::kStream;
  int64_t position = 0;       ///< the first offset that will be read
  uint32_t units_in_all = 0;  ///< how many units the input has, assigned here or elsewhere
};

struct Revoke {
  UnitId unit = Units::kStream;
};

/// A checkpoint cut: everything before it belongs to `epoch`.
struct Barrier {
  uint64_t epoch = 0;
  std::vector<std::pair<std::string, int64_t>> positions;  ///< unit, next offset
};

/// An object of the checkpoint store, as an ack and a manifest name it.
struct ObjectRef {
  std::string name;  ///< "state/<run>/<epoch>/<stage>", "spool/<run>/<epoch>/<stage>"
  uint64_t bytes = 0;
  std::string sha256;  ///< of the whole object, 64 hexadecimal digits
  bool operator==(const ObjectRef&) const = default;
};

/// How far a sink's own store has come: the last chunk that it applied. {0, 0}: none yet.
struct Cursor {
  uint64_t epoch = 0;
  uint64_t chunk = 0;  ///< from 1
  auto operator<=>(const Cursor&) const = default;
};

/// A stage's word that its part of `epoch` is durable.
struct Ack {
  uint64_t epoch = 0;
  std::string stage;  ///< the member's name, see lib/checkpoint/members.hpp
  std::vector<ObjectRef> objects;
  std::optional<Cursor> cursor;  ///< of a sink: where its store is once the epoch has been applied
  bool operator==(const Ack&) const = default;
};

/// Clean end of the stream. `fire`: every window closes; without it they stay open for the next start.
/// With `last_epoch` it is also the barrier of that epoch, cut behind what fired.
struct End {
  bool fire = true;
  std::optional<uint64_t> last_epoch;
  std::vector<std::pair<std::string, int64_t>> positions;  ///< as a Barrier's, with last_epoch
};

using Control = std::variant<Open, SideRecord, Watermark, CaughtUp, Idle, Assign, Revoke, Barrier, Ack, End>;

}  // namespace streamutils
