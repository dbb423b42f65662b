// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-redis/sink.hpp"

#include <unistd.h>

#include <cstdlib>
#include <random>

#include "lib/redis/script.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace streamutils::ssink_redis {

namespace {

constexpr size_t kRowsPerChunk = 512;
constexpr size_t kChunkBytes = 512 << 10;
constexpr Duration kRenewAfter{redis::kSequenceLifeMs * 1000 / 24};
constexpr size_t kMaxBlamed = 16;  // fields named in warnings

Result<redis::Url> server(const Options& options) {
  STREAM_ASSIGN(redis::Url url, redis::parse_url(options.url));
  std::string file = options.password_file;
  if (file.empty() && url.password.empty()) {
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory && *directory) file = fmt::format("{}/redis-password", directory);
    if (!file.empty() && access(file.c_str(), F_OK) != 0) file.clear();
  }
  if (file.empty()) return url;
  if (!url.password.empty()) return usage_error("--password-file and a password in --url exclude each other");
  STREAM_ASSIGN(url.password, redis::read_password_file(file));
  return url;
}

std::string random_word() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

}  // namespace

Result<std::unique_ptr<RedisSink>> RedisSink::create(const Options& options, Context& context,
                                                     std::function<bool()> neighbour_died) {
  if (options.ttl && options.ttl->us < 1000) return usage_error("--ttl must be at least 1ms");
  if (options.ttl && options.ttl->us > int64_t{100} * 366 * 86400 * 1'000'000) {
    return usage_error("--ttl must be at most 100 years");
  }
  if (options.retry_for.us < 0) return usage_error("--retry-for must not be negative");
  if (options.commit == redis::Commit::now && (options.counter || options.stream || options.publish)) {
    return usage_error(
        "--commit now cannot be combined with --{}: what it writes cannot be taken back unseen; let 'sdivert --copy' "
        "feed "
        "a second ssink-redis without --commit now",
        options.counter  ? "counter"
        : options.stream ? "stream"
                         : "publish");
  }
  STREAM_ASSIGN(Targets targets, parse_targets(options));
  STREAM_ASSIGN(redis::Url url, server(options));
  return std::unique_ptr<RedisSink>(
      new RedisSink(options, std::move(url), std::move(targets), context, std::move(neighbour_died)));
}

RedisSink::RedisSink(const Options& options, redis::Url url, Targets targets, Context& context,
                     std::function<bool()> neighbour_died)
    : context_(context),
      writer_settings_{
          .url = std::move(url), .retry_for = options.retry_for, .neighbour_died = std::move(neighbour_died)},
      fingerprint_(options),
      commit_(options.commit),
      reader_(std::move(targets)),
      chunk_(options.ttl),
      planner_(reader_.targets(), memory_, chunk_),
      reconnects_(context.metrics.counter("stream_redis_reconnects_total", "Connections to Redis made again.")),
      remembered_(context.metrics.gauge("stream_redis_open_results", "Results whose last revision is remembered.")) {
  constexpr const char* kOutcomes[] = {"written", "corrected", "withdrawn", "superseded"};
  for (size_t i = 0; i < 4; ++i) {
    metrics_[i] = &context.metrics.counter("stream_redis_results_total", "Results and other records, by what they did.",
                                           {{"outcome", kOutcomes[i]}});
  }
}

Status RedisSink::on_open(Open& open, Output& out) {
  STREAM_TRY(reader_.open(open));
  memory_.set_lateness(open.lateness);
  if (take_) return out.control(open);
  if (commit_ == redis::Commit::epoch) {
    return usage_error("--commit epoch needs a checkpoint: without one results are written at once");
  }
  const std::string_view path = open.stages.empty() ? "1" : std::string_view(open.stages.back().path);
  const std::string writer = random_word();
  sequence_.emplace(writer_settings_.url.display(),
                    fmt::format("streamutils:{}:{}", open.run.empty() ? writer : open.run, path), writer);
  writer_.emplace(writer_settings_, *sequence_, context_.clock, context_.log);
  STREAM_TRY(writer_->connect());
  return out.control(open);
}

Status RedisSink::on_records(const Batch& batch, Output& out) {
  for (size_t i = 0; i < batch.size(); ++i) {
    STREAM_TRY(write(batch, i, out));
    if (++rows_in_chunk_ >= kRowsPerChunk || chunk_.bytes() >= kChunkBytes) STREAM_TRY(send_chunk());
  }
  return {};
}

Status RedisSink::write(const Batch& batch, size_t i, Output& out) {
  if (const auto reason = reader_.read(batch.record(i), row_); !reason.empty()) return divert(batch, i, reason, out);
  const Outcome outcome = reader_.results() ? planner_.result(batch.unit, row_) : planner_.record(row_);
  ++counts_[static_cast<size_t>(outcome)];
  return {};
}

Status RedisSink::divert(const Batch& batch, size_t i, std::string_view reason, Output& out) {
  if (!reader_.blame().empty() && blamed_.size() < kMaxBlamed && blamed_.insert(reader_.blame()).second) {
    context_.log.warn("{}: field '{}' of an invalid record: {} (said once for each field)",
                      format_place(context_.units, batch.unit, batch.offset(i)), reader_.blame(), reason);
  }
  SideRecord side{.label = "invalid", .reason = reason, .unit = batch.unit, .offset = batch.offset(i)};
  if (!batch.times.empty()) side.time = EventTime{batch.times[i]};
  side.record = batch.record(i);
  if (reason == "too_large") {
    side.full_size = static_cast<int64_t>(side.record.size());
    side.hash = XXH3_64bits(side.record.data(), side.record.size());
    side.record = side.record.substr(0, kSideRecordHead);
  }
  return out.control(side);
}

Status RedisSink::send_chunk() {
  rows_in_chunk_ = 0;
  for (size_t i = 0; i < 4; ++i) {
    metrics_[i]->add(static_cast<int64_t>(counts_[i] - reported_[i]));
    reported_[i] = counts_[i];
  }
  remembered_.set(static_cast<double>(memory_.entries()));
  if (chunk_.empty()) return {};
  if (!take_) return send_to_store();
  body_.clear();
  STREAM_TRY(chunk_.seal(body_));
  return take_(body_);
}

Status RedisSink::send_to_store() {
  body_.clear();
  STREAM_TRY(chunk_.seal(body_));
  Status status = writer_->send(body_);
  count_reconnects();
  return status;
}

Status RedisSink::flush() {
  if (take_ && commit_ == redis::Commit::now) {
    STREAM_TRY(send_chunk());
    Status status = fenced_->flush();
    count_reconnects();
    return status;
  }
  if (!writer_) return {};
  STREAM_TRY(send_chunk());
  Status status = writer_->drain();
  count_reconnects();
  return status;
}

uint64_t RedisSink::reconnects() const { return writer_ ? writer_->reconnects() : fenced_ ? fenced_->reconnects() : 0; }

void RedisSink::count_reconnects() {
  reconnects_.add(static_cast<int64_t>(reconnects() - reported_reconnects_));
  reported_reconnects_ = reconnects();
}

Result<Cursor> RedisSink::fence(const checkpoint::SinkIdentity& identity, const Expected& expected) {
  fenced_.emplace(writer_settings_, identity, expected, context_.clock, context_.log,
                  commit_.value_or(redis::Commit::epoch));
  return fenced_->fence();
}

Status RedisSink::apply(const Cursor& after, const Cursor& at, std::string_view chunk) {
  Status status = fenced_->apply(after, at, chunk);
  count_reconnects();
  return status;
}

Status RedisSink::show(const Cursor& after, const Cursor& at, std::string_view chunk) {
  if (commit_ != redis::Commit::now) return {};
  Status status = fenced_->show(after, at, chunk);
  count_reconnects();
  return status;
}

Status RedisSink::drain() {
  Status status = fenced_->drain();
  count_reconnects();
  return status;
}

Status RedisSink::on_watermark(const Watermark& item, Output& out) {
  memory_.advance(item.unit, item.time);
  return out.control(item);
}

Status RedisSink::on_idle(const Idle& item, Output& out) {
  memory_.set_idle(item.unit, item.idle);
  return out.control(item);
}

Status RedisSink::on_assign(const Assign& item, Output& out) {
  memory_.expect(item.unit);
  return out.control(item);
}

Status RedisSink::on_revoke(const Revoke& item, Output& out) {
  STREAM_TRY(flush());
  memory_.forget(item.unit);
  return out.control(item);
}

Status RedisSink::on_barrier(const Barrier& item, Output& out) {
  STREAM_TRY(flush());
  return out.control(item);
}

Status RedisSink::on_end(const End& item, Output& out) {
  STREAM_TRY(flush());
  say_what_was_done();
  return out.control(item);
}

Status RedisSink::on_quiet(Output&) { return flush(); }

/// A sequence that expires would look like a store that lost its data: an idle sink renews it.
std::optional<MonoTime> RedisSink::deadline() const {
  if (!writer_ || writer_->chunks() == 0) return std::nullopt;
  return writer_->last_confirmed() + kRenewAfter;
}

Status RedisSink::on_deadline(Output&) {
  STREAM_TRY(send_chunk());
  STREAM_TRY(send_to_store());
  return writer_->drain();
}

void RedisSink::say_what_was_done() {
  if (!reader_.results()) {
    context_.log.info("{} records written, {} reconnects", counts_[0], reconnects());
    return;
  }
  context_.log.info("{} results written, {} corrections, {} withdrawals, {} not newer than what stands, {} reconnects",
                    counts_[0], counts_[1], counts_[2], counts_[3], reconnects());
}

Status RedisSink::snapshot(StateWriter& out) const {
  fingerprint_.write(out);
  memory_.snapshot(out, context_.units);
  return {};
}

Status RedisSink::restore(StateReader& in) {
  STREAM_ASSIGN(const Fingerprint earlier, Fingerprint::read(in));
  STREAM_TRY(memory_.restore(in, context_.units));
  return fingerprint_.check(earlier, memory_.written_counts(), context_.log);
}

}  // namespace streamutils::ssink_redis
