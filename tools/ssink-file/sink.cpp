// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/sink.hpp"

#include <algorithm>
#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace streamutils::ssink_file {

namespace {

constexpr size_t kChunkBytes = 1 << 20;
constexpr Duration kFlushEvery{1'000'000};  // without a checkpoint: how long lines stay in memory
constexpr size_t kMaxBlamed = 16;           // fields named in warnings
constexpr size_t kMaxPrefixBytes = 64;
constexpr int64_t kMaxOpen = 256;

std::string random_name() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

Status check(const Options& options) {
  if (options.directory.empty()) return usage_error("--directory is empty");
  const auto bad = [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (options.prefix.empty() || options.prefix.front() == '.' || options.prefix.size() > kMaxPrefixBytes ||
      std::any_of(options.prefix.begin(), options.prefix.end(), bad)) {
    return usage_error("--prefix '{}': it takes 1 to {} characters, without '/', and no '.' at the beginning",
                       options.prefix, kMaxPrefixBytes);
  }
  if (options.roll_size < 1) return usage_error("--roll-size must be at least 1");
  if (options.roll_every.us < 1'000) return usage_error("--roll-every must be at least 1ms");
  if (const int64_t n = options.max_open.value_or(1); n < 1 || n > 100'000)
    return usage_error("--max-open takes 1 to 100000");
  return {};
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::create(const Options& options, Context& context,
                                                   std::unique_ptr<Disk> disk) {
  STREAM_TRY(check(options));
  FieldSet fields;
  std::optional<PathTemplate> path;
  if (!options.path.empty()) {
    auto parsed = PathTemplate::parse(options.path, fields);
    if (!parsed.ok()) return parsed.take_status().at("--path");
    path = *std::move(parsed);
  }
  if (!disk) disk = posix_disk(options.directory);
  return std::unique_ptr<FileSink>(new FileSink(options, std::move(fields), std::move(path), context, std::move(disk)));
}

FileSink::FileSink(const Options& options, FieldSet fields, std::optional<PathTemplate> path, Context& context,
                   std::unique_ptr<Disk> disk)
    : context_(context),
      fields_(std::move(fields)),
      template_(std::move(path)),
      parser_(fields_),
      values_(fields_.size()),
      parts_({.prefix = options.prefix,
              .compression = options.compression,
              .roll_size = static_cast<uint64_t>(options.roll_size),
              .roll_every = options.roll_every,
              .max_open = static_cast<size_t>(options.max_open.value_or(kMaxOpen))},
             context.clock, chunk_),
      disk_(std::move(disk)),
      directory_({.place = options.directory, .prefix = options.prefix, .depth = template_ ? template_->depth() : 0},
                 *disk_),
      written_(context.metrics.counter("stream_file_lines_total", "Records written to parts.")),
      finished_(context.metrics.counter("stream_file_finished_parts_total", "Parts that were finished.")),
      open_(context.metrics.gauge("stream_file_open_parts", "Parts in progress.")) {}

Status FileSink::on_open(Open& open, Output& out) {
  if (!take_) {
    STREAM_TRY(directory_.open_plain(random_name()));
    parts_.set_next(directory_.next());
  }
  return out.control(open);
}

Status FileSink::on_records(const Batch& batch, Output& out) {
  for (size_t i = 0; i < batch.size(); ++i) {
    if (const auto reason = read_path(batch.record(i)); !reason.empty()) {
      STREAM_TRY(divert(batch, i, reason, out));
      continue;
    }
    STREAM_TRY(parts_.write(path_, batch.record(i)));
    ++lines_;
    if (chunk_.size() >= kChunkBytes) STREAM_TRY(send());
  }
  if (!take_) STREAM_TRY(send());
  return {};
}

std::string_view FileSink::read_path(std::string_view record) {
  if (!template_) return {};
  blame_.clear();
  if (const ParseError error = parser_.parse(record, values_); error != ParseError::none) return reason(error);
  size_t slot = 0;
  const std::string_view reason = template_->render(values_, path_, &slot);
  if (!reason.empty() && slot < fields_.size()) blame_ = fields_.text(slot);
  return reason;
}

Status FileSink::divert(const Batch& batch, size_t i, std::string_view reason, Output& out) {
  if (!blame_.empty() && blamed_.size() < kMaxBlamed && blamed_.insert(blame_).second) {
    context_.log.warn("{}: field '{}' of an invalid record: {} (said once for each field)",
                      format_place(context_.units, batch.unit, batch.offset(i)), blame_, reason);
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

Status FileSink::send() {
  if (chunk_.empty()) return {};
  const std::string_view bytes = chunk_.bytes(parts_.next());
  STREAM_TRY(take_ ? take_(bytes) : directory_.apply_plain(bytes));
  chunk_.clear();
  report();
  return {};
}

void FileSink::report() {
  written_.add(static_cast<int64_t>(lines_ - reported_lines_));
  reported_lines_ = lines_;
  finished_.add(static_cast<int64_t>(directory_.finished() - reported_files_));
  reported_files_ = directory_.finished();
  open_.set(static_cast<double>(parts_.open()));
}

Status FileSink::on_end(const End& item, Output& out) {
  if (!take_) {
    STREAM_TRY(parts_.finish_all());
    STREAM_TRY(send());
  } else {
    STREAM_TRY(directory_.finish_all());  // all of it was decided
    parts_.clear();
  }
  report();
  context_.log.info("{} records written, {} files finished", lines_, directory_.finished());
  return out.control(item);
}

Status FileSink::on_quiet(Output&) {
  if (!take_ && parts_.held_bytes() > 0 && !flush_at_) flush_at_ = context_.clock.mono() + kFlushEvery;
  return {};
}

std::optional<MonoTime> FileSink::deadline() const {
  const auto due = parts_.deadline();
  return due && flush_at_ ? std::min(*due, *flush_at_) : due ? due : flush_at_;
}

Status FileSink::on_deadline(Output&) {
  const MonoTime now = context_.clock.mono();
  if (flush_at_ && now >= *flush_at_) {
    flush_at_.reset();
    STREAM_TRY(parts_.flush());
  }
  if (const auto due = parts_.deadline(); due && now >= *due) STREAM_TRY(parts_.finish_due());
  return take_ ? Status() : send();
}

// ---- under a checkpoint

Status FileSink::cut() {
  STREAM_TRY(parts_.flush());
  return send();
}

Result<Cursor> FileSink::fence(const checkpoint::SinkIdentity& identity, const Expected& expected) {
  STREAM_ASSIGN(const Cursor cursor, directory_.fence(identity, expected));
  parts_.set_next(directory_.next());
  return cursor;
}

Status FileSink::apply(const Cursor& after, const Cursor& at, std::string_view chunk) {
  return directory_.apply(after, at, chunk);
}

Status FileSink::drain() {
  STREAM_TRY(directory_.drain());
  report();
  return {};
}

Status FileSink::snapshot(StateWriter& out) const {
  parts_.snapshot(out);
  return {};
}

Status FileSink::restore(StateReader& in) {
  STREAM_TRY(
      parts_.restore(in, [this](const std::string& part, uint64_t length) { return directory_.resume(part, length); }));
  parts_.set_next(directory_.next());
  return directory_.resumed();
}

}  // namespace streamutils::ssink_file
