// SPDX-License-Identifier: Apache-2.0
// One random stream and what is asked of swindow, in words that neither the model nor the operator own.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace streamutils::property {

struct Event {
  enum class Kind { record, watermark, idle, active, caught_up, assign, revoke, clock, end };
  Kind kind = Kind::record;
  int unit = 0;
  int64_t time = 0;  ///< of a record as its field says it, of a watermark; for `clock`, how far it moves
  std::string key;   ///< as the record spells it; empty: the field is missing
  int value = 0;
  bool dropped = false;  ///< by --where
};

struct Case {
  bool session = false;
  bool cumulate = false;                    ///< `slide` is the step
  int64_t size = 1, slide = 1, offset = 0;  ///< size is the gap of a session
  int64_t count = 0;                        ///< windows of so many records
  bool global = false;                      ///< one window for all time
  int having = 0;                           ///< an index in kHaving
  int64_t top = 0;                          ///< only so many results of a window, by `sum`
  bool fill = false;                        ///< windows without records between two of a key
  int64_t fill_for = 0;                     ///< the longest gap that is filled
  int64_t lateness = 0;
  int64_t late_fire = 0, early = 0;  ///< 0: without
  bool unit_scope = false;
  bool has_key = true;
  int64_t shift = 0;  ///< event time = field + shift
  int units = 1;
  std::vector<Event> events;
};

/// Conditions for results; what they mean the model says in its own words.
inline constexpr const char* kHaving[] = {"", "sum > 3 && n != 2", "k != 'b' || n > 1"};

/// The canonical form of a key as the generator spells keys.
std::string canonical_key(const std::string& spelled);

Case generate(uint64_t seed);
std::string describe(const Case& c);

}  // namespace streamutils::property
