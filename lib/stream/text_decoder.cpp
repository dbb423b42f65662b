// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/text_decoder.hpp"

#include <xxhash.h>

#include <cstring>

namespace streamutils {

/// Of a line that is too large only its head, size and hash are kept.
struct TextDecoder::LongLine {
  LongLine() : hash(XXH3_createState()) { XXH3_64bits_reset(hash); }
  ~LongLine() { XXH3_freeState(hash); }
  LongLine(const LongLine&) = delete;
  LongLine& operator=(const LongLine&) = delete;
  void add(std::string_view bytes) {
    if (head.size() < kSideRecordHead) head.append(bytes.substr(0, kSideRecordHead - head.size()));
    XXH3_64bits_update(hash, bytes.data(), bytes.size());
    size += static_cast<int64_t>(bytes.size());
  }
  std::string head;
  int64_t size = 0;
  XXH3_state_t* hash;
};

TextDecoder::TextDecoder(Units& units, const DecodeSettings& settings, bool is_stream)
    : units_(units), settings_(settings), is_stream_(is_stream), controls_(units) {}

TextDecoder::~TextDecoder() = default;

size_t TextDecoder::limit(std::string_view line) const {
  return is_stream_ && line.starts_with(kControlPrefix) ? kMaxControlBytes : settings_.max_record_bytes;
}

Result<size_t> TextDecoder::decode(std::string_view bytes, bool at_eof, Output& out) {
  if (!is_stream_ && !opened_) STREAM_TRY(open_plain(out));
  base_ = bytes.data();
  size_t position = 0;
  while (position < bytes.size()) {
    const size_t from = position + scanned_;
    const void* found = std::memchr(bytes.data() + from, '\n', bytes.size() - from);
    const bool whole = found != nullptr || at_eof;
    const size_t end = found ? static_cast<size_t>(static_cast<const char*>(found) - bytes.data()) : bytes.size();
    const std::string_view line = bytes.substr(position, end - position);
    if (!whole && !long_ && line.size() <= limit(line)) {
      scanned_ = line.size();
      break;
    }
    scanned_ = 0;
    if (long_ || line.size() > limit(line)) {
      STREAM_TRY(give_records(out));
      if (!long_) long_ = std::make_unique<LongLine>();
      long_->add(line);
      if (whole) STREAM_TRY(give_large(out));
    } else {
      STREAM_TRY(take_line(line, position, out));
    }
    position = found ? end + 1 : end;
  }
  STREAM_TRY(give_records(out));
  if (at_eof) {
    if (long_) STREAM_TRY(give_large(out));
    if (is_stream_ && !ended_ && !settings_.eof_is_end) return cut_off_error();
    if (!ended_) {
      ended_ = true;
      STREAM_TRY(out.control(End{.fire = true, .last_epoch = {}}));
    }
  }
  return position;
}

Status TextDecoder::take_line(std::string_view line, size_t start, Output& out) {
  ++line_;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.empty()) return {};
  if (ended_) return failed("line {}: something follows the end of the stream", line_);
  if (is_stream_ && line.starts_with(kControlPrefix)) {
    STREAM_TRY(give_records(out));
    return take_control(line, out);
  }
  slices_.push_back({static_cast<uint32_t>(start), static_cast<uint32_t>(line.size())});
  if (!is_stream_) lines_.push_back(line_);
  return {};
}

Status TextDecoder::take_control(std::string_view line, Output& out) {
  auto parsed = controls_.parse(line);
  if (!parsed.ok()) return parsed.take_status().at(fmt::format("line {}", line_));
  switch (parsed->kind) {
    case ControlParser::Kind::unit:
      unit_ = parsed->unit;
      return {};
    case ControlParser::Kind::record: {
      const Slice slice{0, static_cast<uint32_t>(parsed->record.size())};
      return out.records(Batch{unit_, parsed->record.data(), {&slice, 1}, {}, {}, {}});
    }
    case ControlParser::Kind::control:
      break;
  }
  if (const Open* open = std::get_if<Open>(&parsed->item)) {
    if (opened_) return failed("line {}: a second 'open': two streams cannot be joined by cat", line_);
    if (open->version != 1) return failed("the input is a stream of version {}; this program reads version 1", open->version);
    opened_ = true;
  }
  if (std::holds_alternative<End>(parsed->item)) ended_ = true;
  return out.control(parsed->item);
}

Status TextDecoder::give_records(Output& out) {
  if (slices_.empty()) return {};
  Status status = out.records(Batch{unit_, base_, slices_, {}, lines_, {}});
  slices_.clear();
  lines_.clear();
  return status;
}

Status TextDecoder::give_large(Output& out) {
  ++line_;
  SideRecord side{.label = "invalid", .reason = "too_large", .unit = unit_};
  if (!is_stream_) side.offset = line_;
  side.record = long_->head;
  side.full_size = long_->size;
  side.hash = XXH3_64bits_digest(long_->hash);
  Status status = out.control(side);
  long_.reset();
  return status;
}

Status TextDecoder::open_plain(Output& out) {
  opened_ = true;
  Open open;
  open.run = make_run_id();
  return out.control(open);
}

Status TextDecoder::stop(Output& out) {
  if (!opened_) STREAM_TRY(open_plain(out));
  ended_ = true;
  return out.control(End{.fire = false, .last_epoch = {}});
}

}  // namespace streamutils
