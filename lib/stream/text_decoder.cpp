// SPDX-License-Identifier: Apache-2.0
#include "lib/stream/text_decoder.hpp"

#include <xxhash.h>

#include <cstring>
#include <numeric>

#include "lib/stream/line_finder.hpp"

namespace streamutils {

namespace {

/// The line without the one '\r' that belongs to its end.
std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

/// Of a line that is too large only its head, size and hash are kept.
struct TextDecoder::LongLine {
  LongLine() : hash(XXH3_createState()) { XXH3_64bits_reset(hash); }
  ~LongLine() { XXH3_freeState(hash); }
  LongLine(const LongLine&) = delete;
  LongLine& operator=(const LongLine&) = delete;
  void add(std::string_view bytes) {
    if (bytes.empty()) return;
    if (held_return) keep("\r");
    held_return = bytes.ends_with('\r');  // belongs to the line's end if nothing follows
    keep(without_return(bytes));
  }
  void keep(std::string_view bytes) {
    if (head.size() < kSideRecordHead) head.append(bytes.substr(0, kSideRecordHead - head.size()));
    XXH3_64bits_update(hash, bytes.data(), bytes.size());
    size += static_cast<int64_t>(bytes.size());
  }
  std::string head;
  int64_t size = 0;
  bool held_return = false;
  XXH3_state_t* hash;
};

TextDecoder::TextDecoder(Units& units, const DecodeSettings& settings, bool is_stream)
    : units_(units), settings_(settings), is_stream_(is_stream), controls_(units) {}

TextDecoder::~TextDecoder() = default;

bool TextDecoder::is_control(std::string_view line) const { return is_stream_ && line.starts_with(kControlPrefix); }

bool TextDecoder::is_large(std::string_view line) const {
  return without_return(line).size() > (is_control(line) ? kMaxControlBytes : settings_.max_record_bytes);
}

/// A stream's writer ends every line, so that a last line without its newline was cut off; only a whole control line is
/// taken all the same, for the sake of an `end` written by hand.
bool TextDecoder::is_cut(std::string_view line) {
  if (!is_stream_ || ended_) return false;
  if (is_control(line)) return !controls_.parse(without_return(line)).ok();
  return !settings_.eof_is_end;
}

Result<size_t> TextDecoder::decode(std::string_view bytes, bool at_eof, Output& out) {
  if (!is_stream_ && !opened_) STREAM_TRY(open_plain(at_eof && bytes.empty(), out));
  base_ = bytes.data();
  size_t position = 0;
  while (position < bytes.size()) {
    if (scanned_ == 0 && !long_ && !ended_) position = take_lines(bytes, position);
    if (position == bytes.size()) break;
    const size_t from = position + scanned_;
    const void* found = std::memchr(bytes.data() + from, '\n', bytes.size() - from);
    const bool whole = found != nullptr || at_eof;
    const size_t end = found ? static_cast<size_t>(static_cast<const char*>(found) - bytes.data()) : bytes.size();
    const std::string_view line = bytes.substr(position, end - position);
    const bool large = long_ || is_large(line);
    if (!whole && !large) {
      scanned_ = line.size();
      break;
    }
    scanned_ = 0;
    if (large) {
      STREAM_TRY(give_records(out));
      STREAM_TRY(start_large(line));
      long_->add(line);
      if (found) STREAM_TRY(give_large(out));
    } else if (found || !is_cut(line)) {
      STREAM_TRY(take_line(line, position, out));
    }
    position = found ? end + 1 : end;
  }
  STREAM_TRY(give_records(out));
  if (at_eof) {
    if (long_ && (!is_stream_ || settings_.eof_is_end)) STREAM_TRY(give_large(out));
    if (is_stream_ && !ended_ && !(settings_.eof_is_end && opened_)) return cut_off_error();
    if (!ended_) {
      ended_ = true;
      STREAM_TRY(out.control(End{.fire = true}));
    }
  }
  return position;
}

/// Takes the records that stand in lines like any other, which is nearly all of them. Returns where it stopped.
size_t TextDecoder::take_lines(std::string_view bytes, size_t position) {
  const LineRules rules{settings_.max_record_bytes, is_stream_};
  for (;;) {
    if (slices_.size() < records_ + kLinesAtOnce) slices_.resize(slices_.size() * 2 + kLinesAtOnce);
    const LinesFound found = find_lines(bytes, position, rules, std::span(slices_).subspan(records_));
    if (!is_stream_) {
      if (lines_.size() < slices_.size()) lines_.resize(slices_.size());
      std::iota(lines_.data() + records_, lines_.data() + records_ + found.count, line_ + 1);
    }
    records_ += found.count;
    line_ += static_cast<int64_t>(found.count);
    position = found.end;
    if (slices_.size() >= records_ + kLinesAtOnce) return position;
  }
}

Status TextDecoder::take_line(std::string_view line, size_t start, Output& out) {
  ++line_;
  line = without_return(line);
  if (line.empty()) return {};
  if (ended_) return failed("line {}: something follows the end of the stream", line_);
  if (is_control(line)) {
    STREAM_TRY(give_records(out));
    return take_control(line, out);
  }
  if (records_ == slices_.size()) slices_.resize(records_ + kLinesAtOnce);
  slices_[records_] = {static_cast<uint32_t>(start), static_cast<uint32_t>(line.size())};
  if (lines_.size() < slices_.size()) lines_.resize(slices_.size());
  lines_[records_++] = line_;
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
      if (parsed->record.size() > settings_.max_record_bytes) {
        return out.control(too_large(unit_, kNoOffset, parsed->record));
      }
      const Slice slice{0, static_cast<uint32_t>(parsed->record.size())};
      return out.records(Batch{unit_, parsed->record.data(), {&slice, 1}, {}, {}, {}});
    }
    case ControlParser::Kind::control:
      break;
  }
  if (const Open* open = std::get_if<Open>(&parsed->item)) {
    if (opened_) return failed("line {}: a second 'open': two streams cannot be joined by cat", line_);
    if (open->version != 1)
      return failed("the input is a stream of version {}; this program reads version 1", open->version);
    opened_ = true;
  }
  if (std::holds_alternative<End>(parsed->item)) ended_ = true;
  return out.control(parsed->item);
}

Status TextDecoder::give_records(Output& out) {
  if (records_ == 0) return {};
  Batch batch{.unit = unit_, .bytes = base_, .records = std::span(slices_).first(records_)};
  if (!is_stream_) batch.offsets = std::span(lines_).first(records_);
  records_ = 0;
  return out.records(batch);
}

Status TextDecoder::start_large(std::string_view line) {
  if (long_) return {};
  if (ended_) return failed("line {}: something follows the end of the stream", line_ + 1);
  if (is_control(line)) return failed("line {}: a control line of more than {} bytes", line_ + 1, kMaxControlBytes);
  long_ = std::make_unique<LongLine>();
  return {};
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

Status TextDecoder::open_plain(bool empty_input, Output& out) {
  opened_ = true;
  Open open;
  open.run = make_run_id();
  open.empty_input = empty_input;
  return out.control(open);
}

Status TextDecoder::stop(Output& out) {
  if (!opened_) STREAM_TRY(open_plain(true, out));  // no byte has come
  ended_ = true;
  return out.control(End{.fire = false});
}

}  // namespace streamutils
