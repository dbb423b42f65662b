// SPDX-License-Identifier: Apache-2.0
#include "tools/ssink-file/parts.hpp"

#include <algorithm>

namespace streamutils::ssink_file {

namespace {

constexpr size_t kHeldBytes = 1 << 20;      // of one part, before it is flushed: a compressed piece
constexpr size_t kAllHeldBytes = 32 << 20;  // of all parts
constexpr size_t kKeptCapacity = 64 << 10;  // of a buffer, once it is flushed

}  // namespace

Parts::Parts(PartSettings settings, const Clock& clock, ChunkWriter& out)
    : settings_(std::move(settings)),
      clock_(clock),
      out_(out),
      compressor_(Compressor::create(settings_.compression)) {}

std::string Parts::name(std::string_view path, uint64_t number) const {
  return fmt::format("{}{}{}-{:08}.ndjson{}", path, path.empty() ? "" : "/", settings_.prefix, number,
                     suffix(settings_.compression));
}

Status Parts::write(std::string_view path, std::string_view record) {
  finish_outdated();
  auto found = by_path_.find(path);
  if (found == by_path_.end()) {
    STREAM_TRY(begin(path));
    found = by_path_.find(path);
  } else if (found->second != parts_.begin()) {
    parts_.splice(parts_.begin(), parts_, found->second);
  }
  const auto part = found->second;
  part->held.append(record).push_back('\n');
  held_bytes_ += record.size() + 1;
  const bool compressed = settings_.compression != Compression::none;
  const uint64_t taken = compressed ? 0 : std::min(part->length, settings_.roll_size);  // --roll-size may have changed
  const uint64_t most = std::min<uint64_t>(kHeldBytes, settings_.roll_size - taken);
  if (part->held.size() >= most) {
    STREAM_TRY(flush(*part));
    if (part->length >= settings_.roll_size) return finish(part);
  }
  return held_bytes_ >= kAllHeldBytes ? flush() : Status();
}

Status Parts::begin(std::string_view path) {
  while (parts_.size() >= settings_.max_open) STREAM_TRY(finish(std::prev(parts_.end())));
  const MonoTime due = clock_.mono() + settings_.roll_every;
  if (!next_due_ || due < *next_due_) next_due_ = due;
  add({.path = std::string(path), .name = name(path, next_++), .since = clock_.wall()});
  return {};
}

void Parts::finish_outdated() {
  for (const Part& part : outdated_) out_.finish(part.name, part.length);
  outdated_.clear();
}

void Parts::take_restored(Part part) {
  const std::string_view rest = std::string_view(part.name).substr(part.path.empty() ? 0 : part.path.size() + 1);
  const bool fits = rest.starts_with(settings_.prefix + "-") &&
                    rest.ends_with(fmt::format(".ndjson{}", suffix(settings_.compression))) &&
                    !by_path_.contains(part.path);
  if (!fits) {
    outdated_.push_back(std::move(part));
    return;
  }
  add(std::move(part));
  next_due_ = clock_.mono();
}

void Parts::add(Part part) {
  parts_.push_front(std::move(part));
  by_path_.emplace(parts_.front().path, parts_.begin());
}

Status Parts::flush(Part& part) {
  if (part.held.empty()) return {};
  compressed_.clear();
  STREAM_TRY(compressor_->append(part.held, compressed_));
  out_.write(part.name, part.length, compressed_);
  part.length += compressed_.size();
  held_bytes_ -= part.held.size();
  part.held.clear();
  if (part.held.capacity() > kKeptCapacity && parts_.size() > 16) part.held.shrink_to_fit();
  return {};
}

Status Parts::flush() {
  finish_outdated();
  for (Part& part : parts_) STREAM_TRY(flush(part));
  return {};
}

Status Parts::finish(List::iterator part) {
  STREAM_TRY(flush(*part));
  out_.finish(part->name, part->length);
  by_path_.erase(part->path);
  parts_.erase(part);
  return {};
}

Status Parts::finish_all() {
  finish_outdated();
  while (!parts_.empty()) STREAM_TRY(finish(parts_.begin()));
  next_due_.reset();
  return {};
}

Status Parts::finish_due() {
  finish_outdated();
  const WallTime now = clock_.wall();
  Duration next = settings_.roll_every;
  for (auto it = parts_.begin(); it != parts_.end();) {
    const auto part = it++;
    if (part->since > now) part->since = now;
    const Duration left{settings_.roll_every.us - (now.us - part->since.us)};
    if (left.us <= 0) {
      STREAM_TRY(finish(part));
    } else {
      next = std::min(next, left);
    }
  }
  next_due_.reset();
  if (!parts_.empty()) next_due_ = clock_.mono() + next;
  return {};
}

void Parts::clear() {
  by_path_.clear();
  parts_.clear();
  next_due_.reset();
}

std::optional<MonoTime> Parts::deadline() const { return parts_.empty() ? std::nullopt : next_due_; }

void Parts::snapshot(StateWriter& out) const {
  out.u8(1);
  out.u64(next_);
  out.u64(parts_.size());
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {  // so that add() leaves the same order
    out.text(part->path);
    out.text(part->name);
    out.u64(part->length);
    out.i64(part->since.us);
  }
}

}  // namespace streamutils::ssink_file
