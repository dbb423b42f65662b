// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/sequenced_writer.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/redis/script.hpp"

namespace streamutils::redis {

namespace {

constexpr Duration kFirstBackoff{50'000};
constexpr Duration kLastBackoff{2'000'000};
constexpr Duration kLook{200'000};  // how long a wait goes without looking around
constexpr Duration kLeastReplyTimeout{1'000'000};
constexpr Duration kReplyTimeout{10'000'000};  // a server that says nothing for so long is taken for lost

/// Redis 6 wraps the error of a command inside a script: "ERR Error running script (...): @user_script:9: -OOM ...".
Reply unwrapped(Reply reply) {
  if (!reply.text.starts_with("ERR Error running script")) return reply;
  if (const size_t inner = reply.text.rfind(": -"); inner != std::string::npos) reply.text.erase(0, inner + 3);
  return reply;
}

bool is_retriable(const Reply& reply) {
  // NOSCRIPT: somebody flushed the scripts; connecting loads it again.
  static constexpr std::array<std::string_view, 8> kCodes{"LOADING",  "BUSY",     "TRYAGAIN",   "MASTERDOWN",
                                                          "READONLY", "NOSCRIPT", "NOREPLICAS", "MISCONF"};
  return std::any_of(kCodes.begin(), kCodes.end(), [&](std::string_view code) { return reply.is_error(code); });
}

Status fatal(const std::string& place, const Reply& reply) {
  const auto says = [&](std::string_view remedy) {
    return usage_error("redis at {}: {}; {}", place, reply.text, remedy);
  };
  if (reply.is_error("NOAUTH")) return says("give --password-file or a URL with ':password@'");
  if (reply.is_error("WRONGPASS")) return says("check the password in --password-file or in the URL");
  if (reply.text.starts_with("ERR AUTH") || reply.text.starts_with("ERR invalid password")) {
    return says("check the password in --password-file or in the URL");
  }
  if (reply.is_error("NOPERM")) return says("give this user the rights with ACL SETUSER");
  if (reply.is_error("MOVED") || reply.is_error("CROSSSLOT") || reply.is_error("CLUSTERDOWN")) {
    return says("a redis cluster is not supported, since a chunk of results needs one server");
  }
  if (reply.is_error("OOM")) {
    return failed("redis at {}: {}; raise its maxmemory or let keys expire with --ttl", place, reply.text);
  }
  return failed("redis at {}: {}", place, reply.text);
}

std::string_view type_words(std::string_view letter) {
  if (letter == "h") return "no hash";
  if (letter == "z") return "no sorted set";
  if (letter == "t") return "no stream";
  if (letter == "n") return "a string that is no number";
  return "no string";
}

}  // namespace

SequencedWriter::SequencedWriter(WriterSettings settings, const Clock& clock, Log& log)
    : settings_(std::move(settings)),
      clock_(clock),
      log_(log),
      place_(settings_.url.display()),
      backoff_(kFirstBackoff),
      last_progress_(clock.mono()),
      last_confirmed_(clock.mono()) {}

Status SequencedWriter::connect() { return connection_ ? Status() : reconnect(); }

Status SequencedWriter::send(Chunk& chunk) {
  std::string bytes = std::move(spare_);
  spare_.clear();
  bytes.clear();
  STREAM_TRY(chunk.seal(sha_, settings_.sequence_key, settings_.writer, next_number_, bytes));
  if (chunks_.empty()) last_progress_ = clock_.mono();
  chunks_.push_back({next_number_++, std::move(bytes)});
  if (connection_) {
    bool progress = false;
    STREAM_TRY(pump(progress));
  }
  return work_until(settings_.chunks_in_flight);
}

Status SequencedWriter::drain() { return work_until(0); }

Status SequencedWriter::work_until(size_t most_left) {
  while (chunks_.size() > most_left) {
    if (!connection_) STREAM_TRY(reconnect());
    bool progress = false;
    STREAM_TRY(pump(progress));
    if (progress || !connection_) continue;
    if (connection_->wait(sending_ < chunks_.size(), kLook)) continue;
    if (settings_.neighbour_died && settings_.neighbour_died()) return neighbour_gone();
    const Duration silence = clock_.mono() - last_progress_;
    if (silence >= std::min(kReplyTimeout, std::max(patience_left(), kLeastReplyTimeout))) {
      lose(fmt::format("no reply for {}", format_duration({silence.us / 1'000'000 * 1'000'000})));
    }
  }
  return {};
}

Status SequencedWriter::pump(bool& progress) {
  while (sending_ < chunks_.size()) {
    const std::string_view rest = std::string_view(chunks_[sending_].bytes).substr(sent_bytes_);
    auto sent = connection_->send(rest);
    if (!sent.ok()) {
      lose(std::string(sent.status().message()));
      return {};
    }
    progress |= *sent > 0;
    sent_bytes_ += *sent;
    if (*sent < rest.size()) break;
    ++sending_;
    sent_bytes_ = 0;
  }
  for (;;) {
    auto reply = connection_->receive();
    if (!reply.ok()) {
      lose(std::string(reply.status().message()));
      return {};
    }
    if (!reply->has_value()) break;
    progress = true;
    STREAM_TRY(take_reply(**reply));
    if (!connection_) return {};
  }
  if (progress) last_progress_ = clock_.mono();
  return {};
}

Status SequencedWriter::take_reply(const Reply& reply) {
  if (reply.kind == Reply::Kind::array) return take_problem(reply);
  if (reply.kind == Reply::Kind::error) {
    Reply error = unwrapped(reply);
    if (!is_retriable(error)) return fatal(place_, error);
    lose(std::move(error.text));
    return {};
  }
  if (chunks_.empty() || reply.kind != Reply::Kind::integer || reply.integer < 0 ||
      static_cast<uint64_t>(reply.integer) < chunks_.front().number) {
    return failed("redis at {} gave a reply that was not asked for", place_);
  }
  // A later number means that an earlier connection had brought the chunk; the others get replies of their own.
  confirm(chunks_.front().number);
  return {};
}

Status SequencedWriter::take_problem(const Reply& reply) {
  const auto text = [&](size_t i) { return i < reply.items.size() ? std::string_view(reply.items[i].text) : ""; };
  if (text(0) == "WRONGTYPE") {
    return failed("redis at {}: cannot write '{}': the key holds {}; delete it or give the target another key", place_,
                  text(1), type_words(text(2)));
  }
  if (text(0) == "NOPERM") {
    return usage_error("redis at {}: this user may not {} '{}'; give it the right with ACL SETUSER", place_, text(2),
                       text(1));
  }
  uint64_t stored = 0;
  std::from_chars(text(2).data(), text(2).data() + text(2).size(), stored);
  return went_back(stored);
}

void SequencedWriter::confirm(uint64_t number) {
  while (!chunks_.empty() && chunks_.front().number <= number) {
    spare_ = std::move(chunks_.front().bytes);
    chunks_.pop_front();
    if (sending_ > 0) --sending_;
  }
  confirmed_ = std::max(confirmed_, number);
  last_confirmed_ = clock_.mono();
  away_since_.reset();
  backoff_ = kFirstBackoff;
}

void SequencedWriter::lose(std::string reason) {
  connection_.reset();
  sending_ = sent_bytes_ = 0;
  away_reason_ = std::move(reason);
}

Duration SequencedWriter::patience_left() const {
  if (!away_since_) return settings_.retry_for;
  return std::max(Duration{0}, Duration{settings_.retry_for.us - (clock_.mono() - *away_since_).us});
}

Status SequencedWriter::reconnect() {
  bool waits = false;  // the first try after a loss comes at once
  if (!away_since_) {
    away_since_ = clock_.mono();
    if (was_connected_) {
      log_.warn("lost redis at {}: {}; trying again for {}", place_, away_reason_,
                format_duration(settings_.retry_for));
    }
  } else {
    waits = true;
  }
  for (;; waits = true) {
    if (waits) {
      if (patience_left().us <= 0) {
        return failed("cannot {} redis at {} for {}: {}{}",
                      was_connected_ ? "write to" : "reach", place_, format_duration(settings_.retry_for), away_reason_,
                      unconfirmed());
      }
      STREAM_TRY(pause(std::min(backoff_, patience_left())));
      backoff_ = std::min(Duration{backoff_.us * 2}, kLastBackoff);
    }
    STREAM_ASSIGN(std::optional<std::string> problem,
                  try_connect(std::min(kReplyTimeout, std::max(patience_left(), kFirstBackoff))));
    if (!problem) break;
    const bool first = !was_connected_ && away_reason_.empty();
    lose(*std::move(problem));
    if (first) {
      log_.warn("cannot reach redis at {}: {}; trying again for {}", place_, away_reason_,
                format_duration(settings_.retry_for));
    }
  }
  if (was_connected_) {
    ++reconnects_;
    log_.info("redis at {} is back; {} chunks to be sent again", place_, chunks_.size());
  }
  was_connected_ = true;
  last_progress_ = clock_.mono();
  if (chunks_.empty()) {
    away_since_.reset();
    backoff_ = kFirstBackoff;
  }
  return {};
}

Result<std::optional<std::string>> SequencedWriter::try_connect(Duration within) {
  const MonoTime limit = clock_.mono() + within;
  auto connection = Connection::begin(settings_.url);
  if (!connection.ok()) return std::optional(std::string(connection.status().message()));
  connection_.emplace(*std::move(connection));
  while (!connection_->wait(true, std::min(kLook, limit - clock_.mono()))) {
    if (settings_.neighbour_died && settings_.neighbour_died()) return neighbour_gone();
    if (clock_.mono() >= limit) return std::optional<std::string>("the connection does not come about");
  }
  if (const Status status = connection_->finish(); !status.ok()) return std::optional(std::string(status.message()));
  return handshake(limit - clock_.mono());
}

Result<std::optional<std::string>> SequencedWriter::handshake(Duration within) {
  const MonoTime limit = clock_.mono() + within;
  const Url& url = settings_.url;
  std::string out;
  size_t before_script = 0;
  if (!url.password.empty()) {
    ++before_script;
    if (url.user.empty()) {
      append_command(out, {"AUTH", url.password});
    } else {
      append_command(out, {"AUTH", url.user, url.password});
    }
  }
  if (url.db != 0) {
    ++before_script;
    append_command(out, {"SELECT", std::to_string(url.db)});
  }
  append_command(out, {"SCRIPT", "LOAD", kChunkScript});
  append_command(out, {"HGET", settings_.sequence_key, settings_.writer});
  size_t sent = 0;
  for (size_t replies = 0; replies < before_script + 2;) {
    auto step = connection_->send(std::string_view(out).substr(sent));
    if (!step.ok()) return std::optional(std::string(step.status().message()));
    sent += *step;
    auto reply = connection_->receive();
    if (!reply.ok()) return std::optional(std::string(reply.status().message()));
    if (reply->has_value()) {
      STREAM_ASSIGN(std::optional<std::string> problem,
                    take_handshake_reply(**reply, replies == before_script, replies == before_script + 1));
      if (problem) return problem;
      ++replies;
      continue;
    }
    if (connection_->wait(sent < out.size(), std::max(Duration{0}, std::min(kLook, limit - clock_.mono())))) continue;
    if (settings_.neighbour_died && settings_.neighbour_died()) return neighbour_gone();
    if (clock_.mono() >= limit) return std::optional<std::string>("the server does not answer");
  }
  return std::optional<std::string>();
}

Result<std::optional<std::string>> SequencedWriter::take_handshake_reply(const Reply& reply, bool is_script,
                                                                         bool is_sequence) {
  if (reply.kind == Reply::Kind::error) {
    if (is_retriable(reply)) return std::optional(reply.text);
    if (reply.text.starts_with("ERR DB index") || reply.text.starts_with("ERR invalid DB index")) {
      return usage_error("redis at {}: {}; use a database number that the server has", place_, reply.text);
    }
    return fatal(place_, reply);
  }
  if (is_script) sha_ = reply.text;
  if (is_sequence) STREAM_TRY(take_stored_sequence(reply));
  return std::optional<std::string>();
}

Status SequencedWriter::take_stored_sequence(const Reply& reply) {
  uint64_t stored = 0;
  if (reply.kind == Reply::Kind::text) {
    std::from_chars(reply.text.data(), reply.text.data() + reply.text.size(), stored);
  }
  if (stored < confirmed_ || stored >= next_number_) return went_back(stored);
  if (stored > confirmed_) confirm(stored);
  sending_ = sent_bytes_ = 0;
  return {};
}

Status SequencedWriter::pause(Duration duration) {
  const MonoTime until = clock_.mono() + duration;
  for (;;) {
    if (settings_.neighbour_died && settings_.neighbour_died()) return neighbour_gone();
    const Duration left = until - clock_.mono();
    if (left.us <= 0) return {};
    poll(nullptr, 0, static_cast<int>((std::min(left, kLook).us + 999) / 1000));
  }
}

/// What an error message adds about the results that are lost; nothing when none are.
std::string SequencedWriter::unconfirmed() const {
  if (chunks_.empty()) return {};
  return fmt::format("; {} chunk{} of results not confirmed", chunks_.size(), chunks_.size() == 1 ? "" : "s");
}

Status SequencedWriter::neighbour_gone() const {
  return failed("the writer of the input died while redis at {} was waited for ({}){}",
                place_, away_reason_.empty() ? "no reply" : away_reason_,
                unconfirmed());
}

Status SequencedWriter::went_back(uint64_t stored) const {
  return failed(
      "redis at {} went back in time: it had confirmed chunk {} and now stands at {} (key '{}'); it was restarted "
      "without "
      "its last writes, flushed, or it evicts keys; set 'appendonly yes' and 'appendfsync always', then write the "
      "results anew",
      place_, confirmed_, stored, settings_.sequence_key);
}

}  // namespace streamutils::redis
