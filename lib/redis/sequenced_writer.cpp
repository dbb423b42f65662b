// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/sequenced_writer.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

#include "lib/redis/chunk_body.hpp"

namespace streamutils::redis {

namespace {

constexpr Duration kFirstBackoff{50'000};
constexpr Duration kLastBackoff{2'000'000};
constexpr Duration kLook{200'000};  // how long a wait goes without looking around
constexpr Duration kLeastReplyTimeout{1'000'000};
constexpr Duration kReplyTimeout{10'000'000};  // a server that says nothing for so long is taken for lost

/// Redis 6 wraps the error of a command inside a script: "ERR Error running script (...): @user_script:9: -OOM ...";
/// Redis 7 says it behind: "OOM ... script: 3f…, on @user_script:9.".
Reply unwrapped(Reply reply) {
  if (reply.text.starts_with("ERR Error running script")) {
    if (const size_t inner = reply.text.rfind(": -"); inner != std::string::npos) reply.text.erase(0, inner + 3);
  } else if (const size_t behind = reply.text.rfind(" script: ");
             behind != std::string::npos && reply.text.find("@user_script") > behind) {
    reply.text.erase(behind);
  }
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
  const bool in_script = reply.text.find("user executing the script can't") != std::string::npos;
  if (reply.is_error("NOPERM") || in_script) return says("give this user the rights with ACL SETUSER");
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

SequencedWriter::SequencedWriter(WriterSettings settings, Ledger& ledger, const Clock& clock, Log& log)
    : settings_(std::move(settings)),
      ledger_(ledger),
      clock_(clock),
      log_(log),
      place_(settings_.url.display()),
      backoff_(kFirstBackoff),
      last_progress_(clock.mono()),
      last_confirmed_(clock.mono()) {}

Status SequencedWriter::connect() { return connection_ ? Status() : reconnect(); }

Status SequencedWriter::send(std::string_view body) {
  std::string bytes = std::move(spare_);
  spare_.clear();
  bytes.clear();
  ledger_.describe(next_number_, first_, second_);
  STREAM_TRY(append_chunk_command({sha_, ledger_.key(), first_, second_}, body, bytes));
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
  if (chunks_.empty() || !ledger_.confirms(reply, chunks_.front().number)) {
    return failed("redis at {} gave a reply that was not asked for", place_);
  }
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
  return ledger_.refused(reply, confirmed_);
}

void SequencedWriter::confirm(uint64_t number) {
  while (!chunks_.empty() && chunks_.front().number <= number) {
    spare_ = std::move(chunks_.front().bytes);
    chunks_.pop_front();
    if (sending_ > 0) --sending_;
  }
  confirmed_ = std::max(confirmed_, number);
  ledger_.confirmed(confirmed_);
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
        return failed("cannot {} redis at {} for {}: {}{}", was_connected_ ? "write to" : "reach", place_,
                      format_duration(settings_.retry_for), away_reason_, unconfirmed());
      }
      STREAM_TRY(pause(std::min(backoff_, patience_left())));
      backoff_ = std::min(Duration{backoff_.us * 2}, kLastBackoff);
    }
    STREAM_ASSIGN(Problem problem, try_connect(std::min(kReplyTimeout, std::max(patience_left(), kFirstBackoff))));
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

Result<SequencedWriter::Problem> SequencedWriter::try_connect(Duration within) {
  const MonoTime limit = clock_.mono() + within;
  auto connection = Connection::begin(settings_.url);
  if (!connection.ok()) return Problem(std::string(connection.status().message()));
  connection_.emplace(*std::move(connection));
  while (!connection_->wait(true, std::min(kLook, limit - clock_.mono()))) {
    if (settings_.neighbour_died && settings_.neighbour_died()) return neighbour_gone();
    if (clock_.mono() >= limit) return Problem("the connection does not come about");
  }
  if (const Status status = connection_->finish(); !status.ok()) return Problem(std::string(status.message()));
  return handshake(limit - clock_.mono());
}

Result<SequencedWriter::Problem> SequencedWriter::handshake(Duration within) {
  const MonoTime limit = clock_.mono() + within;
  const Url& url = settings_.url;
  std::string out;
  size_t own = 0;  // commands that are not the ledger's
  if (!url.password.empty()) {
    ++own;
    if (url.user.empty()) {
      append_command(out, {"AUTH", url.password});
    } else {
      append_command(out, {"AUTH", url.user, url.password});
    }
  }
  if (url.db != 0) {
    ++own;
    append_command(out, {"SELECT", std::to_string(url.db)});
  }
  append_command(out, {"SCRIPT", "LOAD", ledger_.script()});
  ++own;
  ledger_.begin();
  for (size_t asked = ledger_.ask(out); own + asked > 0; asked = ledger_.ask(out)) {
    STREAM_ASSIGN(Problem problem, exchange(out, own + asked, limit, [&](size_t i, Reply& reply) -> Result<Problem> {
                    const bool may_fail = i >= own && ledger_.may_fail(i - own);
                    if (reply.kind == Reply::Kind::error && !may_fail) return take_error(reply);
                    if (i + 1 == own) sha_ = reply.text;
                    if (i >= own) STREAM_TRY(ledger_.take(i - own, reply));
                    return Problem();
                  }));
    if (problem) return problem;
    out.clear();
    own = 0;
  }
  STREAM_ASSIGN(const uint64_t stored, ledger_.stored(confirmed_, next_number_ - 1));
  if (stored > confirmed_) confirm(stored);
  sending_ = sent_bytes_ = 0;
  return Problem();
}

Result<SequencedWriter::Problem> SequencedWriter::exchange(std::string_view commands, size_t replies, MonoTime limit,
                                                           const std::function<Result<Problem>(size_t, Reply&)>& take) {
  size_t sent = 0;
  for (size_t taken = 0; taken < replies;) {
    auto step = connection_->send(commands.substr(sent));
    if (!step.ok()) return Problem(std::string(step.status().message()));
    sent += *step;
    auto reply = connection_->receive();
    if (!reply.ok()) return Problem(std::string(reply.status().message()));
    if (reply->has_value()) {
      STREAM_ASSIGN(Problem problem, take(taken, **reply));
      if (problem) return problem;
      ++taken;
      continue;
    }
    if (connection_->wait(sent < commands.size(), std::max(Duration{0}, std::min(kLook, limit - clock_.mono())))) {
      continue;
    }
    if (settings_.neighbour_died && settings_.neighbour_died()) return neighbour_gone();
    if (clock_.mono() >= limit) return Problem("the server does not answer");
  }
  return Problem();
}

Result<SequencedWriter::Problem> SequencedWriter::take_error(Reply& reply) const {
  Reply error = unwrapped(std::move(reply));
  if (is_retriable(error)) return Problem(std::move(error.text));
  if (error.text.starts_with("ERR DB index") || error.text.starts_with("ERR invalid DB index")) {
    return usage_error("redis at {}: {}; use a database number that the server has", place_, error.text);
  }
  return fatal(place_, error);
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
  return failed("the writer of the input died while redis at {} was waited for ({}){}", place_,
                away_reason_.empty() ? "no reply" : away_reason_, unconfirmed());
}

}  // namespace streamutils::redis
