// SPDX-License-Identifier: Apache-2.0
// One watermark for many units: the minimum over the active ones.
//
// A unit is known from its first item on. Until its first watermark it holds the minimum back, unless it is idle. An
// idle unit does not count. The minimum never falls: a unit that comes back behind it holds it where it is. With all
// units idle it stays. Thread rule: one thread.
#pragma once
#include <vector>

#include "lib/base/time.hpp"
#include "lib/stream/batch.hpp"
#include "lib/stream/state.hpp"

namespace streamutils::window {

class StreamWatermark {
 public:
  /// Makes a unit known.
  void add(UnitId unit) {
    if (unit >= units_.size() || !units_[unit].known) make_known(unit);
  }
  /// True when watermark() rose. A watermark that is not above the unit's last is ignored.
  bool set_watermark(UnitId unit, EventTime time);
  /// True when watermark() rose.
  bool set_idle(UnitId unit, bool idle);
  /// kBeforeAll until every active unit has had one.
  [[nodiscard]] EventTime watermark() const { return watermark_; }

  void save(StateWriter& out, const Units& names) const;
  bool load(StateReader& in, Units& names);

 private:
  struct Unit {
    bool known = false;
    bool idle = false;
    EventTime watermark = kBeforeAll;
  };
  void make_known(UnitId unit);
  bool rise();

  std::vector<Unit> units_;
  EventTime watermark_ = kBeforeAll;
};

}  // namespace streamutils::window
