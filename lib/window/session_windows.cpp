// SPDX-License-Identifier: Apache-2.0
#include "lib/window/session_windows.hpp"

#include <algorithm>

namespace streamutils::window {

SessionWindows::~SessionWindows() { forget_all(); }

void SessionWindows::forget_all() {
  keys_.for_each([this](KeyId key) {
    while (!keys_[key].empty()) remove(key, keys_[key].back().id);
  });
}

WindowSet::Added SessionWindows::add(const KeyedRecord& record, expr::Scratch& scratch, Interval& last_window) {
  Interval merged{record.time, 0};
  if (__builtin_add_overflow(record.time, gap_, &merged.end)) return Added::out_of_range;
  const Interval own = merged;

  const std::optional<KeyId> known = keys_.find(record.key);
  size_t first = 0, last = 0;  // the sessions [first, last) touch or overlap the record's own
  if (known) {
    const Sessions& sessions = keys_[*known];
    last = sessions.size();
    while (last > 0 && sessions[last - 1].bounds.start > own.end) --last;
    for (first = last; first > 0 && sessions[first - 1].bounds.end >= own.start; --first) {
      merged.start = std::min(merged.start, sessions[first - 1].bounds.start);
      merged.end = std::max(merged.end, sessions[first - 1].bounds.end);
    }
  }
  if (gone(merged.end)) {
    last_window = merged;
    return Added::late;
  }

  KeyId key;
  Session* session;
  if (first == last) {
    if (!known && context_.full()) return Added::too_many_keys;
    if (!known) ++context_.keys;
    key = known ? *known : keys_.intern(record.key);
    session = &insert(keys_[key], first, merged);
  } else {
    key = *known;
    session = &keys_[key][first];
    if (session->bounds != merged) session = &merge(key, first, last, merged);
  }
  context_.plan.add(session->row, record.values, EventTime{record.time}, scratch);
  if (fired(merged.end)) {
    correct(key, *session);
  } else if (context_.settings.early) {
    touch(key, *session);
  }
  set_timer(key, *session);
  return Added::yes;
}

SessionWindows::Session& SessionWindows::insert(Sessions& sessions, size_t at, Interval bounds) {
  Session session;
  session.bounds = bounds;
  session.id = next_id_++;
  session.row = context_.rows.make();
  ++context_.open;
  return *sessions.insert(sessions.begin() + static_cast<ptrdiff_t>(at), std::move(session));
}

SessionWindows::Session& SessionWindows::merge(KeyId key, size_t first, size_t last, Interval bounds) {
  Sessions& sessions = keys_[key];
  for (size_t i = first; i < last; ++i) withdraw(key, sessions[i]);
  Session& kept = sessions[first];
  for (size_t i = first + 1; i < last; ++i) {
    context_.plan.merge(kept.row, sessions[i].row);
    context_.rows.release(sessions[i].row);
    --context_.open;
  }
  sessions.erase(sessions.begin() + static_cast<ptrdiff_t>(first) + 1, sessions.begin() + static_cast<ptrdiff_t>(last));
  // A new (key, window): what the old one was given does not count for it.
  kept.bounds = bounds;
  kept.next_revision = 0;
  kept.on_time = false;
  kept.pending = false;
  return kept;
}

void SessionWindows::withdraw(KeyId key, Session& session) {
  if (!session.stands) return;
  session.stands = false;
  context_.results.withdrawal(keys_.text(key), session.bounds, session.aggregates, session.firing,
                              session.next_revision++);
}

void SessionWindows::correct(KeyId key, Session& session) {
  session.on_time = true;
  if (!context_.settings.late_fire) {
    fire(key, session, Firing::late);
  } else if (!session.pending) {
    session.pending = true;
    session.due = correction_due(session.bounds.end);
  }
}

void SessionWindows::fire(KeyId key, Session& session, Firing firing) {
  if (!context_.results.result(keys_.text(key), session.bounds, session.row, firing, session.next_revision)) {
    withdraw(key, session);
    return;
  }
  ++session.next_revision;
  if (!keeps_results() || gone(session.bounds.end)) return;
  session.stands = true;
  session.firing = firing;
  session.aggregates.assign(context_.results.aggregates());
}

void SessionWindows::touch(KeyId key, Session& session) {
  if (session.touched) return;
  session.touched = true;
  touched_.emplace_back(key, session.id);
}

void SessionWindows::set_timer(KeyId key, Session& session) {
  int64_t when = session.bounds.end;
  if (session.on_time) when = session.pending ? session.due : gone_at(session.bounds.end);
  // An earlier timer is left: when it is due, it finds the session not ready and comes here again.
  if (when >= session.timer) return;
  session.timer = when;
  timers_.push({when, key, session.id});
}

SessionWindows::Session* SessionWindows::find(KeyId key, uint64_t id) {
  Sessions& sessions = keys_[key];
  const auto it = std::find_if(sessions.begin(), sessions.end(), [id](const Session& s) { return s.id == id; });
  return it == sessions.end() ? nullptr : &*it;
}

void SessionWindows::remove(KeyId key, uint64_t id) {
  Sessions& sessions = keys_[key];
  const auto it = std::find_if(sessions.begin(), sessions.end(), [id](const Session& s) { return s.id == id; });
  context_.rows.release(it->row);
  sessions.erase(it);
  --context_.open;
  if (sessions.empty()) {
    keys_.erase(key);
    --context_.keys;
  }
}

void SessionWindows::sort(std::vector<Ready>& sessions) {
  std::sort(sessions.begin(), sessions.end(), [this](const Ready& a, const Ready& b) {
    return a.end != b.end ? a.end < b.end : keys_.less(a.key, b.key);
  });
}

void SessionWindows::advance(EventTime watermark) {
  set_watermark(watermark);
  collect_ready();
  for (const auto& [end, key, id] : ready_) {
    Session& session = *find(key, id);
    if (!session.on_time) {
      session.on_time = true;
      session.touched = false;
      fire(key, session, Firing::on_time);
    } else if (session.pending && session.due <= watermark_.us) {
      session.pending = false;
      fire(key, session, Firing::late);
    }
    if (gone(end)) {
      remove(key, id);
    } else {
      set_timer(key, session);
    }
  }
}

void SessionWindows::collect_ready() {
  ready_.clear();
  if (watermark_ == kAfterAll) {  // also those that have no timer, since they were never to be gone
    keys_.for_each([this](KeyId key) {
      for (const Session& s : keys_[key]) ready_.push_back({s.bounds.end, key, s.id});
    });
    timers_ = {};
    sort(ready_);
    return;
  }
  while (!timers_.empty() && timers_.top().when <= watermark_.us) {
    const Timer timer = timers_.top();
    timers_.pop();
    Session* session = find(timer.key, timer.session);
    if (session == nullptr || session->timer != timer.when) continue;  // merged away, or set anew
    session->timer = kNever;
    if (!session->on_time && !fired(session->bounds.end)) {
      set_timer(timer.key, *session);  // it has grown
    } else {
      ready_.push_back({session->bounds.end, timer.key, timer.session});
    }
  }
  sort(ready_);
}

void SessionWindows::fire_early() {
  ready_.clear();
  for (const auto& [key, id] : touched_) {
    Session* session = find(key, id);
    if (session == nullptr || !session->touched) continue;
    session->touched = false;
    if (!fired(session->bounds.end)) ready_.push_back({session->bounds.end, key, id});
  }
  touched_.clear();
  sort(ready_);
  for (const auto& [end, key, id] : ready_) fire(key, *find(key, id), Firing::early);
}

void SessionWindows::save(StateWriter& out) const {
  save_times(out);
  out.u64(keys_.size());
  keys_.for_each([&](KeyId key) {
    out.text(keys_.text(key));
    out.u64(keys_[key].size());
    for (const Session& session : keys_[key]) save_session(session, out);
  });
}

void SessionWindows::save_session(const Session& session, StateWriter& out) const {
  out.i64(session.bounds.start);
  out.i64(session.bounds.end);
  out.u8(session.pending);
  out.i64(session.pending ? session.due : 0);
  out.u32(session.next_revision);
  out.u8(session.touched);
  out.u8(session.on_time);
  out.u8(session.stands);
  out.u8(static_cast<uint8_t>(session.firing));
  out.text(session.stands ? std::string_view(session.aggregates) : std::string_view());
  context_.plan.save(session.row, out);
}

bool SessionWindows::load(StateReader& in) {
  load_times(in);
  for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
    const std::string_view text = in.text();
    if (keys_.find(text)) return false;  // twice
    const KeyId key = keys_.intern(text);
    ++context_.keys;
    uint64_t sessions = in.u64();
    if (sessions == 0) return false;
    for (; sessions > 0 && in.ok(); --sessions) {
      if (!load_session(key, in)) return false;
    }
  }
  return in.ok();
}

bool SessionWindows::load_session(KeyId key, StateReader& in) {
  const int64_t start = in.i64(), end = in.i64();
  Sessions& sessions = keys_[key];
  if (start >= end || (!sessions.empty() && sessions.back().bounds.end >= start)) return false;
  Session& session = insert(sessions, sessions.size(), {start, end});
  session.pending = in.u8() != 0;
  session.due = std::min(in.i64(), gone_at(end));  // the allowed lateness may be smaller than before
  session.next_revision = in.u32();
  const bool touched = in.u8() != 0;
  session.on_time = in.u8() != 0;
  session.stands = in.u8() != 0;
  session.firing = static_cast<Firing>(in.u8());
  session.aggregates = in.text();
  if (session.firing > Firing::late || !context_.plan.load(session.row, in)) return false;
  if (touched) touch(key, session);
  set_timer(key, session);
  return true;
}

}  // namespace streamutils::window
