// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/cursor_ledger.hpp"

#include <algorithm>
#include <charconv>

#include "lib/redis/script.hpp"

namespace streamutils::redis {

namespace {

constexpr std::string_view kWayOut =
    "restore the server's data, or start the pipeline with --from-epoch N, no later than where the server stands, or "
    "with --fresh, which writes everything from now on anew";

std::string text(const Cursor& cursor) { return fmt::format("{}-{}", cursor.epoch, cursor.chunk); }

std::string words(const Cursor& cursor) {
  return cursor == Cursor() ? "its beginning" : fmt::format("epoch {}, chunk {}", cursor.epoch, cursor.chunk);
}

bool parse(const Reply& reply, uint64_t& value) {
  const char* last = reply.text.data() + reply.text.size();
  const auto [end, error] = std::from_chars(reply.text.data(), last, value);
  return error == std::errc() && end == last;
}

/// The value behind "name:" at the beginning of a line of INFO.
std::string_view info_value(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    std::string_view line = info.substr(0, info.find('\n'));
    info.remove_prefix(std::min(info.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return line.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

CursorLedger::CursorLedger(std::string place, const checkpoint::SinkIdentity& identity, Expected expected,
                           Commit commit, Log& log)
    : place_(std::move(place)),
      key_(fmt::format("streamutils:{{{}}}:{}", identity.pipeline, identity.member)),
      generation_(identity.generation),
      expected_(std::move(expected)),
      log_(log),
      commit_(commit) {}

Result<bool> CursorLedger::add(const Cursor& after, const Cursor& at) {
  if (at <= last_) return false;
  if (after != last_) {
    return failed("redis at {} stands at {}, and the next chunk follows {}", place_, words(last_), words(after));
  }
  ahead_.push_back({.at = at});
  last_ = at;
  return true;
}

bool CursorLedger::settle(const Cursor& at) {
  if (at <= settled_) return false;
  ahead_.push_back({.at = at, .settles = true});
  settled_ = at;
  return true;
}

std::string_view CursorLedger::script() const { return commit_ == Commit::now ? kShowScript : kCursorScript; }

size_t CursorLedger::ask(std::string& out) {
  if (asked_ == Asked::cursor) return 0;
  if (asked_ == Asked::nothing && !fenced_) {
    asked_ = Asked::eviction;
    append_command(out, {"INFO", "memory"});
    append_command(out, {"CONFIG", "GET", "maxmemory*"});
    return 2;
  }
  asked_ = Asked::cursor;
  if (fenced_) {
    const bool now = commit_ == Commit::now;
    append_command(out, {"HMGET", key_, "generation", now ? "shown_epoch" : "epoch", now ? "shown_chunk" : "chunk",
                         "epoch", "chunk"});
  } else {
    append_command(out, {"EVAL", kFenceScript, "1", key_, std::to_string(generation_),
                         expected_.reset    ? "reset"
                         : expected_.rewind ? "rewind"
                                            : "",
                         text(expected_.first), text(expected_.last), commit_ == Commit::now ? "now" : ""});
  }
  return 1;
}

Status CursorLedger::take(size_t i, const Reply& reply) {
  if (asked_ == Asked::cursor) {
    if (!fenced_) return take_fence(reply);
    found_ = read(reply, 0);
    // A server may have lost the last word alone, which is the settling.
    if (found_ && reply.items.size() == 5) {
      Cursor settled;
      const bool there = parse(reply.items[3], settled.epoch) && parse(reply.items[4], settled.chunk);
      if (!there || settled < confirmed_settled_) found_->cursor = settled;
    }
    return {};
  }
  if (i == 0) {
    eviction_.clear();
    max_memory_.clear();
  }
  if (reply.kind == Reply::Kind::text) {
    eviction_ = info_value(reply.text, "maxmemory_policy");
    max_memory_ = info_value(reply.text, "maxmemory");
  }
  for (size_t n = 0; n + 1 < reply.items.size(); n += 2) {
    if (reply.items[n].text == "maxmemory-policy") eviction_ = reply.items[n + 1].text;
    if (reply.items[n].text == "maxmemory") max_memory_ = reply.items[n + 1].text;
  }
  return i == 0 ? Status() : check_eviction();
}

Status CursorLedger::check_eviction() const {
  if (eviction_.empty()) {
    log_.warn(
        "cannot see whether redis at {} evicts keys, since this user may use neither INFO nor CONFIG GET; its "
        "maxmemory-policy must be noeviction or volatile-*",
        place_);
    return {};
  }
  if (!eviction_.starts_with("allkeys-") || max_memory_ == "0") return {};
  return usage_error(
      "redis at {} has the maxmemory-policy '{}' and may evict the cursor of this pipeline; set it to noeviction or a "
      "volatile-* one, as in 'redis-cli config set maxmemory-policy noeviction'",
      place_, eviction_);
}

Status CursorLedger::take_fence(const Reply& reply) {
  const std::optional<Stored> stored = read(reply, 1);
  if (!reply.items.empty() && reply.items.front().text == "FENCED" && stored) {
    fenced_ = true;
    found_ = stored;
    confirmed_ = last_ = settled_ = confirmed_settled_ = stored->cursor;
    return {};
  }
  if (!reply.items.empty() && reply.items.front().text == "WRONGTYPE" && reply.items.size() == 3) {
    return failed(
        "redis at {}: cannot take back what was shown and never decided: '{}' was made something else by somebody; "
        "delete "
        "it, and start again",
        place_, reply.items[1].text);
  }
  if (!stored) return gone();
  if (stored->generation > generation_) {
    return checkpoint::fenced_at_start(fmt::format("redis at {}", place_), generation_, stored->generation);
  }
  const Cursor& last = expected_.last;
  if (stored->cursor < expected_.first) {
    return usage_error(
        "redis at {} was set back in time: it stands at {} (key '{}') and had confirmed {}; it was restarted without "
        "its "
        "last writes or from older data, which 'appendonly yes' and 'appendfsync always' prevent; {}",
        place_, words(stored->cursor), key_, words(expected_.first), kWayOut);
  }
  return usage_error(
      "redis at {} is ahead of the checkpoint: it stands at {} (key '{}') and the checkpoint ends at {}; the "
      "checkpoint is "
      "an older copy: use the newest, or start the pipeline with --fresh or --from-epoch N, which write what follows "
      "anew",
      place_, words(stored->cursor), key_, words(last));
}

Result<uint64_t> CursorLedger::stored(uint64_t, uint64_t) const {
  if (!found_) return gone();
  if (found_->generation == generation_) {
    if (found_->cursor == confirmed_) return confirmed_number_;
    const auto place = std::find_if(ahead_.begin(), ahead_.end(),
                                    [&](const Step& step) { return !step.settles && step.at == found_->cursor; });
    if (place != ahead_.end()) return confirmed_number_ + 1 + static_cast<uint64_t>(place - ahead_.begin());
  }
  return misplaced(found_);
}

void CursorLedger::describe(uint64_t number, std::string& first, std::string& second) const {
  const size_t i = number - confirmed_number_ - 1;
  first = std::to_string(generation_);
  if (ahead_[i].settles) {
    second = fmt::format("settle {}", text(ahead_[i].at));
    return;
  }
  Cursor after = confirmed_;
  for (size_t before = i; before > 0; --before) {
    if (ahead_[before - 1].settles) continue;
    after = ahead_[before - 1].at;
    break;
  }
  second = fmt::format("{} {}", text(after), text(ahead_[i].at));
}

bool CursorLedger::confirms(const Reply& reply, uint64_t) const {
  return reply.kind == Reply::Kind::integer && (reply.integer == 0 || reply.integer == 1);
}

Status CursorLedger::refused(const Reply& reply, uint64_t) const { return misplaced(read(reply, 1)); }

void CursorLedger::confirmed(uint64_t number) {
  for (; confirmed_number_ < number; ++confirmed_number_) {
    (ahead_.front().settles ? confirmed_settled_ : confirmed_) = ahead_.front().at;
    ahead_.pop_front();
  }
}

std::optional<CursorLedger::Stored> CursorLedger::read(const Reply& reply, size_t at) {
  Stored stored;
  if (reply.items.size() < at + 3 || !parse(reply.items[at], stored.generation) ||
      !parse(reply.items[at + 1], stored.cursor.epoch) || !parse(reply.items[at + 2], stored.cursor.chunk)) {
    return std::nullopt;
  }
  return stored;
}

Status CursorLedger::gone() const {
  return usage_error(
      "the cursor of this pipeline is gone from redis at {} (key '{}'): the server was flushed, has evicted it or is "
      "another one; {}",
      place_, key_, kWayOut);
}

Status CursorLedger::misplaced(const std::optional<Stored>& stored) const {
  if (!stored) return gone();
  if (stored->generation > generation_) {
    return checkpoint::fenced(fmt::format("redis at {}", place_), generation_, stored->generation);
  }
  // Worth a restart: if what was lost is still in the last spool, it is written again from where the server stands.
  return failed(
      "redis at {} went back in time: it had confirmed {} of generation {} and now stands at {} of generation {} (key "
      "'{}'); it was restarted without its last writes; set 'appendonly yes' and 'appendfsync always'",
      place_, words(confirmed_), generation_, words(stored->cursor), stored->generation, key_);
}

}  // namespace streamutils::redis
