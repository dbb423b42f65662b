// SPDX-License-Identifier: Apache-2.0
// Session windows: [ts, ts + gap), those of one key that touch or overlap merge.
//
// A record is merged first and judged late by the merged bounds. When the bounds of a session change, a result that
// stands for the old bounds is withdrawn at once, and the session waits for its new end, unless W is past it already.
// Complexity: a record costs one look-up and a step through the key's live sessions from the last; timers are
// lazy, so that a session that grows moves none: its timer is set anew when it is due.
#pragma once
#include <queue>
#include <string>
#include <vector>

#include "lib/window/key_table.hpp"
#include "lib/window/window_set.hpp"

namespace streamutils::window {

class SessionWindows final : public WindowSet {
 public:
  explicit SessionWindows(SetContext& context) : WindowSet(context), gap_(context.settings.size.us) {}
  ~SessionWindows() override;

  Added add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) override;
  void advance(EventTime watermark) override;
  void fire_early() override;
  Status visit(const Visit& visit) override;
  void save(StateWriter& out) const override;
  bool load(StateReader& in) override;

 private:
  struct Session {
    Interval bounds;
    char* row = nullptr;
    uint64_t id = 0;         // of the session, never used again
    int64_t timer = kNever;  // the entry of timers_ that counts
    int64_t due = 0;         // when a pending correction is fired; never after the session is gone
    uint32_t next_revision = 0;
    bool touched = false;           // changed since the last fire_early(), and listed in touched_
    bool on_time = false;           // W has passed the end: what is still to come are corrections
    bool pending = false;           // a correction waits for `due`
    bool stands = false;            // a result was given for these bounds and can be withdrawn
    Firing firing = Firing::early;  // of that result
    std::string aggregates;         // of that result
  };
  using Sessions = std::vector<Session>;  // of one key, disjoint, in order of time
  struct Timer {
    int64_t when;
    KeyId key;
    uint64_t session;
    bool operator>(const Timer& other) const { return when > other.when; }
  };
  struct Ready {
    int64_t end;
    KeyId key;
    uint64_t session;
  };

  Session* find(KeyId key, uint64_t id);
  Session& insert(Sessions& sessions, size_t at, Interval bounds);
  Session& merge(KeyId key, size_t first, size_t last, Interval bounds);
  void correct(KeyId key, Session& session);
  void fire(KeyId key, Session& session, Firing firing);
  void withdraw(KeyId key, Session& session);
  void touch(KeyId key, Session& session);
  void set_timer(KeyId key, Session& session);
  void remove(KeyId key, uint64_t id);
  /// Sorts by end, then key bytes.
  void sort(std::vector<Ready>& sessions);
  /// Fills ready_ with the sessions that have something to do at the watermark.
  void collect_ready();
  void forget_all();
  void save_session(const Session& session, StateWriter& out) const;
  bool load_session(KeyId key, StateReader& in);

  int64_t gap_;
  KeyTable<Sessions> keys_;
  uint64_t next_id_ = 0;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;  // some no longer count
  std::vector<std::pair<KeyId, uint64_t>> touched_;                        // some may be gone
  std::vector<Ready> ready_;
};

}  // namespace streamutils::window
